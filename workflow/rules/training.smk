# Stage 2: one training a dataset x experiment x train order x seed; each predicts both test orders.

if GRID.own_models:

    localrules:
        check_model,

    rule check_model:
        output:
            touch(PATHS.checked("{model}")),
        log:
            f"{RESULTS}/logs/check-model/{{model}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/check-model/{{model}}.tsv"
        wildcard_constraints:
            model="|".join(GRID.own_models),
        conda:
            "../../envs/vqa.yaml"
        threads: 1
        resources:
            mem_mb=by_attempt(1000),
            runtime=by_attempt(30),
        params:
            head=lambda wildcards: GRID.own_models[wildcards.model],
        message:
            "Check the temporal model {params.head}"
        shell:
            "vqa check-model {params.head:q} > {log:q} 2>&1"


rule train:
    input:
        manifest=PATHS.manifest("{dataset}"),
        index=run_index,
        joined=run_joined,
        permutations=run_permutations,
        split_file=run_split_file,
        init=run_init,
        check=run_check,
    output:
        *audit_file(),
        head=PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}") / "head.pt",
        history=PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}") / "history.csv",
        run=PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}") / "run.json",
        predictions=PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}") / "predictions.csv",
    log:
        f"{RESULTS}/logs/train/{{dataset}}/{{experiment}}/{{order}}/seed-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{dataset}}/{{experiment}}/{{order}}/seed-{{seed}}.tsv"
    wildcard_constraints:
        experiment=TRAINED,
    conda:
        "../../envs/vqa.yaml"
    threads: STUDY.training.threads
    resources:
        mem_mb=train_mb,
        runtime=train_minutes,
        gpu=int(TRAIN_DEVICE == "cuda"),
        gpu_seats=STUDY.extraction.jobs_per_gpu if TRAIN_DEVICE == "cuda" else 0,
        device=STUDY.training.device,
        jobs_per_gpu=STUDY.training.jobs_per_gpu,
    params:
        depends=run_depends,
        flags=run_flags,
        folder=lambda wildcards, output: str(Path(output.head).parent),
    message:
        "Train {wildcards.experiment} on {wildcards.dataset}, order {wildcards.order}, seed {wildcards.seed}"
    shell:
        "vqa train --manifest {input.manifest:q} --index {input.index:q} --order {wildcards.order}"
        " --seed {wildcards.seed} --output {params.folder:q} {params.flags} --device {resources.device}"
        " --jobs-per-gpu {resources.jobs_per_gpu} --threads {threads} > {log:q} 2>&1"


if GRID.by_scene:

    use rule train as train_by_scene with:
        output:
            head=PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}", by_scene=True) / "head.pt",
            history=PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}", by_scene=True) / "history.csv",
            run=PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}", by_scene=True) / "run.json",
            predictions=PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}", by_scene=True) / "predictions.csv",
        log:
            f"{RESULTS}/logs/train-by-scene/{{dataset}}/{{experiment}}/{{order}}/seed-{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/train-by-scene/{{dataset}}/{{experiment}}/{{order}}/seed-{{seed}}.tsv"
        params:
            depends=lambda wildcards: run_depends(wildcards, by_scene=True),
            flags=lambda wildcards: run_flags(wildcards, by_scene=True),
            folder=lambda wildcards, output: str(Path(output.head).parent),
        message:
            "Train {wildcards.experiment} on {wildcards.dataset} by scene, seed {wildcards.seed}"


# Scores that others made stand where a training's would: joining them takes a second.
rule import_predictions:
    input:
        manifest=PATHS.manifest("{dataset}"),
        scores=given_scores,
        permutations=run_permutations,
        split_file=run_split_file,
    output:
        run=PATHS.run("{dataset}", "{experiment}", "O", "{seed}") / "run.json",
        predictions=PATHS.run("{dataset}", "{experiment}", "O", "{seed}") / "predictions.csv",
    log:
        f"{RESULTS}/logs/predictions/{{dataset}}/{{experiment}}/O/seed-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predictions/{{dataset}}/{{experiment}}/O/seed-{{seed}}.tsv"
    wildcard_constraints:
        experiment=GIVEN,
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(600),
        runtime=dataset_minutes,
    params:
        depends=predictions_depends,
        flags=predictions_flags,
        folder=lambda wildcards, output: str(Path(output.run).parent),
    message:
        "Take others' predictions {wildcards.experiment} of {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "vqa import-predictions --manifest {input.manifest:q} --scores {input.scores:q} --seed {wildcards.seed}"
        " --output {params.folder:q} {params.flags} > {log:q} 2>&1"


rule cross:
    input:
        head=PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}") / "head.pt",
        manifests=lambda wildcards: [PATHS.manifest(name) for name in other_datasets(wildcards)],
        indexes=lambda wildcards: [
            path for name in other_datasets(wildcards) for path in experiment_indexes(wildcards, name)
        ],
    output:
        PATHS.cross("{dataset}", "{experiment}", "{order}", "{seed}"),
    log:
        f"{RESULTS}/logs/cross/{{dataset}}/{{experiment}}/{{order}}/seed-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/cross/{{dataset}}/{{experiment}}/{{order}}/seed-{{seed}}.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: STUDY.training.threads
    resources:
        mem_mb=by_attempt(resources.cross_mb(all_videos())),
        runtime=by_attempt(resources.listing_minutes(all_videos())),
    params:
        depends=depends.cross_depends(STUDY),
        targets=cross_targets,
    message:
        "Test {wildcards.experiment} of {wildcards.dataset}, seed {wildcards.seed}, on the other datasets"
    shell:
        "vqa cross --head {input.head:q} --output {output:q} {params.targets} --threads {threads} > {log:q} 2>&1"
