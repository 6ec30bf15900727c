# Stage 1: native metadata and videos -> manifest -> shards, a bucket of videos a job -> index.


localrules:
    weights,
    manifest,
    index,


rule manifest:
    input:
        dataset_metadata,
    output:
        PATHS.manifest("{dataset}"),
    log:
        f"{RESULTS}/logs/manifest/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/manifest/{{dataset}}.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(600),
        runtime=dataset_minutes,
    params:
        depends=manifest_depends,
        config=PATHS.study,
    message:
        "List the videos of {wildcards.dataset}"
    shell:
        "vqa manifest --config {params.config:q} --dataset {wildcards.dataset} --output {output:q} > {log:q} 2>&1"


rule probe:
    input:
        clips=clips,
        manifest=PATHS.manifest("{dataset}"),
    output:
        PATHS.probe("{dataset}"),
    log:
        f"{RESULTS}/logs/probe/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/probe/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=MADE,
    conda:
        "../../envs/vqa.yaml"
    threads: 2
    resources:
        mem_mb=by_attempt(1000),
        runtime=dataset_minutes,
    params:
        depends=probe_depends,
        policy=lambda wildcards: STUDY.datasets[wildcards.dataset].on_bad_video,
    message:
        "Read the headers of {wildcards.dataset}"
    shell:
        "vqa probe --manifest {input.manifest:q} --output {output:q} --on-bad-video {params.policy}"
        " --workers {threads} > {log:q} 2>&1"


rule weights:
    output:
        PATHS.weights("{network}"),
    log:
        f"{RESULTS}/logs/weights/{{network}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/weights/{{network}}.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(30),
    params:
        name=lambda wildcards: GRID.networks[wildcards.network].name,
    message:
        "Put the weights of {params.name} in place"
    shell:
        "vqa weights {params.name} --output {output:q} > {log:q} 2>&1"


if GRID.own_backbones:

    localrules:
        check_backbone,
        own_weights,

    rule check_backbone:
        output:
            touch(PATHS.checked("{model}")),
        log:
            f"{RESULTS}/logs/check-backbone/{{model}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/check-backbone/{{model}}.tsv"
        wildcard_constraints:
            model="|".join(GRID.own_backbones),
        conda:
            "../../envs/vqa.yaml"
        threads: 1
        resources:
            mem_mb=by_attempt(2000),
            runtime=by_attempt(30),
        params:
            name=lambda wildcards: GRID.own_backbones[wildcards.model],
            precision=STUDY.extraction.precision,
        message:
            "Check the backbone {params.name}"
        shell:
            "vqa check-backbone {params.name:q} --precision {params.precision} > {log:q} 2>&1"

    rule own_weights:
        input:
            PATHS.checked("{model}"),
        output:
            PATHS.own_weights("{model}"),
        log:
            f"{RESULTS}/logs/own-weights/{{model}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/own-weights/{{model}}.tsv"
        wildcard_constraints:
            model="|".join(GRID.own_backbones),
        conda:
            "../../envs/vqa.yaml"
        threads: 1
        resources:
            mem_mb=by_attempt(2000),
            runtime=by_attempt(30),
        params:
            name=lambda wildcards: GRID.own_backbones[wildcards.model],
        message:
            "Keep the weights of {params.name}"
        shell:
            "vqa weights {params.name:q} --output {output:q} > {log:q} 2>&1"


# Not from the manifest: a label that changes must not extract anything, and Snakemake 9 does not
# look at a job's own params once an input of it, even an ancient one, is made anew.
rule extract:
    input:
        clips=clips,
        weights=checkpoint,
        checks=extract_checks,
    output:
        PATHS.receipt("{dataset}", "{backbone}", "{bucket}"),
    log:
        f"{RESULTS}/logs/extract/{{dataset}}/{{backbone}}/{{bucket}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/extract/{{dataset}}/{{backbone}}/{{bucket}}.tsv"
    wildcard_constraints:
        dataset=MADE,
    conda:
        "../../envs/vqa.yaml"
    threads: STUDY.extraction.threads
    resources:
        mem_mb=extract_mb,
        runtime=extract_minutes,
        gpu=int(EXTRACT_DEVICE == "cuda"),
        gpu_seats=STUDY.training.jobs_per_gpu if EXTRACT_DEVICE == "cuda" else 0,
        activations_mb=STUDY.extraction.memory_mb,
        gpu_mb=STUDY.extraction.gpu_mb,
        jobs_per_gpu=STUDY.extraction.jobs_per_gpu,
        stall_seconds=STUDY.extraction.stall_seconds,
        device=STUDY.extraction.device,
    params:
        depends=bucket_depends,
        flags=extract_flags,
        task=lambda wildcards: PATHS.task(wildcards.dataset, wildcards.backbone, wildcards.bucket),
        seen=lambda wildcards: PATHS.seen(wildcards.dataset, wildcards.backbone, wildcards.bucket),
        precision=PATHS.precision,
        folder=lambda wildcards: PATHS.features(wildcards.dataset, wildcards.backbone),
    message:
        "Extract {wildcards.backbone} features of {wildcards.dataset}, bucket {wildcards.bucket}"
    shell:
        "vqa extract --task {params.task:q} --weights {input.weights:q} --output {params.folder:q} --receipt {output:q}"
        " --seen {params.seen:q} --study-precision {params.precision:q} {params.flags} --device {resources.device}"
        " --threads {threads} --memory-mb {resources.activations_mb} --gpu-mb {resources.gpu_mb}"
        " --jobs-per-gpu {resources.jobs_per_gpu} --stall-seconds {resources.stall_seconds} > {log:q} 2>&1"


# Features that others made, all of a dataset at once: reading them takes seconds.
rule import_features:
    output:
        PATHS.receipt("{dataset}", "{backbone}", ALL),
    log:
        f"{RESULTS}/logs/import/{{dataset}}/{{backbone}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/import/{{dataset}}/{{backbone}}.tsv"
    wildcard_constraints:
        dataset=MADE,
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=import_mb,
        runtime=dataset_minutes,
    params:
        depends=import_depends,
        flags=import_flags,
        task=lambda wildcards: PATHS.task(wildcards.dataset, wildcards.backbone, ALL),
        seen=lambda wildcards: PATHS.seen(wildcards.dataset, wildcards.backbone, ALL),
        folder=lambda wildcards: PATHS.features(wildcards.dataset, wildcards.backbone),
    message:
        "Import {wildcards.backbone} features of {wildcards.dataset}"
    shell:
        "vqa import-features --task {params.task:q} --output {params.folder:q} --receipt {output:q}"
        " --seen {params.seen:q} {params.flags} > {log:q} 2>&1"


rule index:
    input:
        manifest=PATHS.manifest("{dataset}"),
        receipts=dataset_receipts,
    output:
        PATHS.index("{dataset}", "{backbone}"),
    log:
        f"{RESULTS}/logs/index/{{dataset}}/{{backbone}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/index/{{dataset}}/{{backbone}}.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(600),
        runtime=dataset_minutes,
    params:
        depends=depends.index_depends(),
        folder=lambda wildcards: PATHS.features(wildcards.dataset, wildcards.backbone),
    message:
        "Index the {wildcards.backbone} features of {wildcards.dataset}"
    shell:
        "vqa index --manifest {input.manifest:q} --features {params.folder:q} --output {output:q} {input.receipts:q}"
        " > {log:q} 2>&1"
