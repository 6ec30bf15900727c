# Predictions -> metrics and statistics, and what is said of single videos -> tables, figures, report.
# A function where a param holds the study: braces in it, as in the paths of predictions, are no wildcards.


report: "../report/study.rst"


rule evaluate:
    input:
        predictions=all_predictions(),
        crossed=compared_crossed(),
    output:
        metrics=f"{RESULTS}/metrics.csv",
        statistics=f"{RESULTS}/statistics.csv",
    log:
        f"{RESULTS}/logs/evaluate.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(20),
    params:
        depends=depends.evaluate_depends(STUDY, CONTENTS.pairs),
        config=PATHS.study,
    message:
        "Evaluate all predictions"
    shell:
        "vqa evaluate --config {params.config:q} --metrics {output.metrics:q} --statistics {output.statistics:q}"
        " > {log:q} 2>&1"


rule videos:
    input:
        predictions=all_predictions(),
    output:
        videos=f"{RESULTS}/videos.csv",
        sensitivity=f"{RESULTS}/sensitivity.csv",
    log:
        f"{RESULTS}/logs/videos.log",
    benchmark:
        f"{RESULTS}/benchmarks/videos.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(20),
    params:
        depends=depends.videos_depends(STUDY),
        config=PATHS.study,
    message:
        "Describe every test video"
    shell:
        "vqa videos --config {params.config:q} --videos {output.videos:q} --sensitivity {output.sensitivity:q}"
        " > {log:q} 2>&1"


rule shown:
    input:
        videos=rules.videos.output,
        manifests=[PATHS.manifest(name) for name in STUDY.datasets],
        indexes=all_indexes(),
    output:
        f"{RESULTS}/shown.json",
    log:
        f"{RESULTS}/logs/shown.log",
    benchmark:
        f"{RESULTS}/benchmarks/shown.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1500),
        runtime=by_attempt(30),
    params:
        depends=depends.shown_depends(STUDY),
        config=PATHS.study,
    message:
        "Look at the videos that the report names"
    shell:
        "vqa shown --config {params.config:q} --output {output:q} > {log:q} 2>&1"


rule tables:
    input:
        metrics=rules.evaluate.output,
        videos=rules.videos.output,
        audits=all_audits(),
        by_scene=all_by_scene(),
        crossed=all_crossed(),
        probes=all_probes(),
        indexes=all_indexes(),
    output:
        report(
            [path for path in table_files() if path.endswith(".csv")],
            category="Tables",
            caption="../report/tables.rst",
        ),
        [path for path in table_files() if not path.endswith(".csv")],
    log:
        f"{RESULTS}/logs/tables.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(20),
    params:
        depends=lambda wildcards: depends.tables_depends(STUDY),
        config=PATHS.study,
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    message:
        "Write the tables"
    shell:
        "vqa tables --config {params.config:q} --output {params.folder:q} > {log:q} 2>&1"


rule figures:
    input:
        metrics=rules.evaluate.output,
        videos=rules.videos.output,
        audits=all_audits(),
    output:
        report(
            [path for path in figure_files() if path.endswith(".png")],
            category="Figures",
            caption="../report/figures.rst",
        ),
        [path for path in figure_files() if path.endswith(".pdf")],
    log:
        f"{RESULTS}/logs/figures.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(20),
    params:
        depends=lambda wildcards: depends.figures_depends(STUDY),
        config=PATHS.study,
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    message:
        "Draw the figures"
    shell:
        "vqa figures --config {params.config:q} --output {params.folder:q} > {log:q} 2>&1"


rule report:
    input:
        tables=rules.tables.output,
        figures=rules.figures.output,
        shown=rules.shown.output,
    output:
        report(f"{RESULTS}/report.html", category="Report", caption="../report/report.rst"),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../../envs/vqa.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(20),
    params:
        depends=lambda wildcards: depends.report_depends(STUDY),
        config=PATHS.study,
    message:
        "Write {output}"
    shell:
        "vqa report --config {params.config:q} --output {output:q} > {log:q} 2>&1"
