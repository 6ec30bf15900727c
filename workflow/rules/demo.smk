# Synthetic clips and their simulated ratings, for datasets with `reader: demo`.

DEMO = [name for name, dataset in STUDY.datasets.items() if demo.rendered(dataset)]

for _name in DEMO:

    rule:
        name:
            f"demo_data_{_name}"
        output:
            rendered=touch(rendered(_name)),
            table=demo.table(_name, STUDY.store),
            clips=[video.path for video in demo.read(_name, STUDY.datasets[_name], STUDY.store).videos],
        log:
            f"{RESULTS}/logs/demo-data/{_name}.log",
        benchmark:
            f"{RESULTS}/benchmarks/demo-data/{_name}.tsv"
        conda:
            "../../envs/vqa.yaml"
        threads: 2
        resources:
            mem_mb=by_attempt(1500),
            runtime=by_attempt(30),
        params:
            depends=depends.demo_depends(STUDY.datasets[_name]),
            flags=depends.demo_flags(STUDY.datasets[_name]),
            folder=demo.folder(_name, STUDY.store),
        message:
            "Render {params.folder}"
        shell:
            "vqa demo-data --output {params.folder:q} --workers {threads} {params.flags} > {log:q} 2>&1"
