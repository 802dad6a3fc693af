"""python -m cloudcore runs list, show, stop, resume."""

import json

import typer

from cloudcore import runs, settings

app = typer.Typer(help="Runs: list, show, stop, resume.", no_args_is_help=True)


@app.command("list")
def runs_list() -> None:
    """One line a run, newest first; then those that cannot be read."""
    root = settings.load().runs
    for run in runs.list_runs(root):
        status = run.status()
        metric = f"{status.metric_name} {status.metric:.3f}" if status.metric is not None else ""
        print(f"{run.id}  {status.state:8} epoch {status.epoch} of {status.epochs}  {metric}")
    for found in runs.damaged(root):
        print(f"{found.folder.name}  damaged  {found.problem}")


@app.command("show")
def runs_show(run: str) -> None:
    """A run's config, status and history."""
    found = runs.find(settings.load().runs, run)
    print(json.dumps({"config": found.config(), "status": vars(found.status()), "history": found.history()}, indent=1))


@app.command("stop")
def runs_stop(run: str) -> None:
    """Ask a run to stop."""
    from cloudcore.learning import jobs

    jobs.stop(runs.find(settings.load().runs, run))


@app.command("resume")
def runs_resume(run: str) -> None:
    """Go on with a run in the background."""
    from cloudcore.learning import jobs

    place = settings.load()
    jobs.resume(runs.find(place.runs, run), place)
