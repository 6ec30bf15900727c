# Predictions -> metrics and statistics -> tables, figures, report.


rule evaluate:
    input:
        config=ancient(rules.study.output[0]),
        predictions=all_runs(),
    output:
        metrics=f"{RESULTS}/metrics.csv",
        statistics=f"{RESULTS}/statistics.csv",
    log:
        f"{RESULTS}/logs/evaluate.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        depends=GRID.evaluate_depends(),
    message:
        "Evaluate all predictions"
    shell:
        "vqa evaluate --config {input.config} --metrics {output.metrics} --statistics {output.statistics}"
        " > {log} 2>&1"
