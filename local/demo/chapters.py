"""The story's chapters, in their order."""

from __future__ import annotations

from local.demo.first_release import (
    FIRST,
    check_copies,
    deploy_endpoint,
    inspect_first,
    promote,
    pull_base,
    register_first,
)
from local.demo.founding import deploy_foundations, found_channels
from local.demo.rollouts import change_infrastructure, come_back, refuse, roll
from local.demo.served import served_files
from local.demo.story import Story
from local.demo.training import train
from local.demo.world import MODEL, World

TITLES = (
    "Found the channels dev and prod: keys, settings, TUF roots",
    "Deploy the stacks that come before inference with the CDK CLI",
    "Pull a real pretrained model through the hub proxy",
    f"Upload {MODEL}:{FIRST} with frogml, register and inspect it",
    "Promote it, dev -> prod",
    "Deploy the endpoint: resolve, verify, pull, serve",
    "Train 2.0.0 in SageMaker; the registrar takes it over",
    "Roll prod to 2.0.0 while a client calls",
    "Train and promote 3.0.0; one byte of it is flipped in storage: refused",
    "Change infrastructure alone: the model stays",
    f"Come back to {FIRST}",
)


def tell(world: World, story: Story) -> None:
    """Run every chapter.

    Raises:
        DemoError: an outcome is not as it must be.
    """
    titles = iter(TITLES)
    with story.step(next(titles)) as step:
        found_channels(world, step)
    with story.step(next(titles)) as step:
        deploy_foundations(world, step)
    with story.step(next(titles)) as step:
        base = pull_base(world, step)
    with story.step(next(titles)) as step:
        register_first(world, step, base=base)
        inspect_first(world, step)
    with story.step(next(titles)) as step:
        promote(world, step, version=FIRST, to="dev")
        first = promote(world, step, version=FIRST, to="prod")
        check_copies(world, step)
    with story.step(next(titles)) as step:
        answered = deploy_endpoint(world, step, promoted=first)
        files = served_files(world)
    with story.step(next(titles)) as step:
        train(world, step, version="2.0.0", seed=1)
    with story.step(next(titles)) as step:
        second = promote(world, step, version="2.0.0", to="prod")
        roll(world, step, old=first, new=second)
    with story.step(next(titles)) as step:
        train(world, step, version="3.0.0", seed=2)
        third = promote(world, step, version="3.0.0", to="prod")
        refuse(world, step, serving=second, damaged=third)
    with story.step(next(titles)) as step:
        change_infrastructure(world, step, serving=second)
    with story.step(next(titles)) as step:
        come_back(world, step, first=first, answered=answered, files=files, serving=second)
