# The whole study: demo data -> manifest -> features -> index -> training -> results.
# `snakemake --cores N` runs config.yaml; another study: `--configfile workflow/studies/paper.yaml`.
from snakemake.utils import min_version
from vqa.study.session import default_study

min_version("9.9")


# A study given on the command line stands alone; it does not overlay config.yaml.
if not workflow.overwrite_configfiles:

    configfile: default_study(workflow.basedir)


include: "workflow/rules/common.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/results.smk"


# Nobody else may work on these results meanwhile; the study as it runs is the `--config` of its commands.
onstart:
    session.start(STUDY)
    SOURCES.write()


# Every intermediate that matters is a target: a failed rerun then never passes for a finished one.
rule all:
    default_target: True
    input:
        all_weights(),
        all_receipts(),
        all_indexes(),
        all_runs(),
        all_results(),
    message:
        f"Finished: {RESULTS}/report.html"
