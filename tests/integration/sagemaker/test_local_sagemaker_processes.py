"""No process is left behind; images are what their digest names; lines get through."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from local_sagemaker_world import FAST, World, fake_image, runs, variant, wait_for

from local.process import ROOT
from local.sagemaker.errors import AwsError
from local.sagemaker.host import Account, Host
from local.sagemaker.images import Image, ImageStore, image_reference, project_image
from local.sagemaker.instances import Instance, VariantPlan
from local.sagemaker.invocation import Invocation
from local.sagemaker.logs import Logs
from local.sagemaker.processes import Watchdog
from local.sagemaker.service import LocalSageMaker, no_log

SPAWNER = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
if os.environ["MODE"] == "exit":
    sys.exit(1)
time.sleep(600)
"""
HOLDER = """
import sys, time
from pathlib import Path
sys.path[:0] = [{here!r}, {root!r}]
from local_sagemaker_world import World
world = World(Path(sys.argv[1]))
world.add_config("one", InitialInstanceCount=2)
world.serve("one")
print(*world.service.container_pids("e"), flush=True)
time.sleep(600)
"""


def child_pids(service: LocalSageMaker) -> list[int]:
    lines = service.logs.lines("/aws/sagemaker/Endpoints/e")
    return [int(line.split()[1]) for line in lines if line.startswith("child ")]


def serve_spawner(folder: Path, *, mode: str) -> LocalSageMaker:
    """An endpoint whose container starts a process of its own and never gets ready."""
    image = fake_image(folder, SPAWNER, name="spawner")
    service = LocalSageMaker(folder=folder / "sagemaker", images=[image], timing=replace(FAST, start_attempts=1))
    container = {"Image": image.reference, "Environment": {"MODE": mode}}
    service.call("CreateModel", {"ModelName": "m", "PrimaryContainer": container})
    service.call("CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant("m")]})
    service.call("CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"})
    return service


def test_close_ends_every_container_even_of_an_update_in_progress(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.add_config("one", InitialInstanceCount=2)
    world.add_config("never", environment={"MODE": "never-ready"})
    world.serve("one")
    blue = world.service.container_pids("e")
    world.service.call("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "never"})
    wait_for(lambda: "starting never-ready" in world.log())
    world.service.close()
    assert not any(runs(pid) for pid in blue)
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in processes


def test_containers_end_when_the_service_is_killed(tmp_path: Path) -> None:
    code = textwrap.dedent(HOLDER).format(here=str(Path(__file__).parent), root=str(ROOT))
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        pids = [int(word) for word in holder.stdout.readline().split()]
        assert len(pids) == 2
        assert all(runs(pid) for pid in pids)
        os.kill(holder.pid, signal.SIGKILL)
    wait_for(lambda: not any(runs(pid) for pid in pids))


def test_containers_outlive_the_thread_that_asked_for_them(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.service:
        world.add_config("one")
        asking = threading.Thread(target=lambda: world.serve("one"))
        asking.start()
        asking.join()
        (pid,) = world.service.container_pids("e")
        assert runs(pid)
        assert world.version() == "one"


@pytest.mark.parametrize("mode", ["exit", "stay"])
def test_what_a_container_started_ends_with_it(tmp_path: Path, mode: str) -> None:
    with serve_spawner(tmp_path, mode=mode) as service:
        wait_for(lambda: child_pids(service))
        if mode == "exit":
            assert service.wait_endpoint("e") == "Failed"
    wait_for(lambda: not any(runs(pid) for pid in child_pids(service)))


def test_log_sink_that_fails_does_not_stop_the_container(tmp_path: Path) -> None:
    def fail(*_: str) -> None:
        raise RuntimeError("no log group")

    world = World(tmp_path, log=fail)
    with world.service:
        world.add_config("one")
        assert world.serve("one") == "InService"
        assert any("log sink failed: RuntimeError: no log group" in line for line in world.log())


def test_image_is_named_by_its_content(tmp_path: Path) -> None:
    image = fake_image(tmp_path, "print(1)\n", name="a")
    same = fake_image(tmp_path, "print(1)\n", name="b")
    other = fake_image(tmp_path, "print(2)\n", name="c")
    assert image.digest == same.digest != other.digest
    assert image.reference.endswith(f"/a@{image.digest}")
    (image.source / "__pycache__").mkdir()
    (image.source / "__pycache__" / "entry.pyc").write_bytes(b"x")
    again = Image(
        repository="a", source=image.source, paths=(".",), interpreter=image.interpreter, entry_point="entry.py"
    )
    assert again.digest == image.digest


def test_container_runs_the_unpacked_image_not_its_source(world: World) -> None:
    (world.image.source / "entry.py").write_text("print('tampered')\n")
    world.add_config("one")
    assert world.serve("one") == "InService"
    assert world.version() == "one"
    assert world.environment()["PYTHONPATH"].endswith(world.image.digest.removeprefix("sha256:"))


def test_container_finds_an_empty_ml_root_each_time(world: World) -> None:
    world.add_config("one")
    world.serve("one")
    root = Path(world.environment()["WEIGHBRIDGE_ML_ROOT"])
    assert sorted(path.name for path in root.rglob("*")) == ["model"]
    (root / "model" / "left").write_text("x")
    (root / "model").chmod(0o500)
    with pytest.raises(AwsError):
        world.service.invoke_endpoint("e", Invocation(body=b"crash"))
    wait_for(lambda: world.log().count("starting ") == 2)
    assert not (root / "model" / "left").exists()


def test_project_images_name_the_checkout_s_files() -> None:
    assert image_reference() == project_image("inference").reference
    assert image_reference() != image_reference("training")
    assert image_reference().startswith("000000000000.dkr.ecr.eu-central-1.amazonaws.com/weighbridge-inference@sha256:")


def test_real_inference_container_refuses_a_bad_environment_in_one_line(tmp_path: Path) -> None:
    image = project_image("inference")
    timing = replace(FAST, start_attempts=1, startup_scale=5.0)
    with LocalSageMaker(folder=tmp_path / "sagemaker", images=[image], timing=timing) as service:
        container = {"Image": image.reference, "Environment": {"WEIGHBRIDGE_RELEASE": "latest"}}
        service.call("CreateModel", {"ModelName": "m", "PrimaryContainer": container})
        service.call("CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant("m")]})
        service.call("CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"})
        assert service.wait_endpoint("e") == "Failed"
        described = service.call("DescribeEndpoint", {"EndpointName": "e"})
        lines = service.logs.lines("/aws/sagemaker/Endpoints/e")
    assert "did not pass the ping health check" in str(described["FailureReason"])
    assert len(lines) == 1, lines
    assert '"event": "refused", "rule": "input.reference"' in lines[0]


def test_a_burst_of_lines_arrives_whole_and_in_order(tmp_path: Path) -> None:
    script = "import sys\nfor n in range(5000): print(n, flush=n % 7 == 0)\nprint('end', file=sys.stderr)\n"
    image = fake_image(tmp_path, script, name="chatty")
    lines: list[str] = []
    service = LocalSageMaker(
        folder=tmp_path / "sagemaker",
        images=[image],
        log=lambda _group, _stream, line: lines.append(line),
        timing=replace(FAST, start_attempts=1),
    )
    with service:
        service.call("CreateModel", {"ModelName": "m", "PrimaryContainer": {"Image": image.reference}})
        service.call("CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant("m")]})
        service.call("CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"})
        assert service.wait_endpoint("e") == "Failed"
    assert sorted(lines) == sorted([*map(str, range(5000)), "end"])
    assert [line for line in lines if line != "end"] == [str(number) for number in range(5000)]


def test_image_that_lacks_a_file_is_not_made(tmp_path: Path) -> None:
    image = replace(fake_image(tmp_path), paths=("entry.py", "missing"))
    with pytest.raises(FileNotFoundError, match="missing: belongs to the image"):
        _ = image.digest


def test_container_whose_interpreter_is_missing_fails_with_a_line(tmp_path: Path) -> None:
    image = replace(fake_image(tmp_path), interpreter=tmp_path / "none")
    with LocalSageMaker(folder=tmp_path / "sagemaker", images=[image], timing=FAST) as service:
        service.call("CreateModel", {"ModelName": "m", "PrimaryContainer": {"Image": image.reference}})
        service.call("CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant("m")]})
        service.call("CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"})
        assert service.wait_endpoint("e") == "Failed"
        assert "container could not be started" in service.logs.lines("/aws/sagemaker/Endpoints/e")[0]


def test_close_ends_the_old_fleet_while_its_termination_is_waited_for(tmp_path: Path) -> None:
    world = World(tmp_path, timing=replace(FAST, time_scale=1.0))
    world.add_config("one")
    world.add_config("two")
    world.serve("one")
    (blue,) = world.service.container_pids("e")
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 3600}
    request = {"EndpointName": "e", "EndpointConfigName": "two", "DeploymentConfig": {"BlueGreenUpdatePolicy": policy}}
    world.service.call("UpdateEndpoint", request)
    wait_for(lambda: world.describe()["EndpointConfigName"] == "two")
    assert runs(blue)
    assert world.version() == "two"
    world.service.close()
    assert not runs(blue)


def test_instance_that_drains_takes_no_further_request(tmp_path: Path) -> None:
    image = fake_image(tmp_path)
    host = Host(
        account=Account(),
        folder=tmp_path,
        images=ImageStore(folder=tmp_path / "images", images=[image]),
        logs=Logs(folder=tmp_path / "logs", sink=no_log),
        watchdog=Watchdog(),
        timing=FAST,
    )
    plan = VariantPlan(name="primary", image=image, environment={}, count=1, weight=1.0, startup_seconds=60)
    instance = Instance(host=host, endpoint_name="e", plan=plan)
    assert instance.wait_started()
    assert instance.take()
    ending = threading.Thread(target=instance.terminate)
    ending.start()

    def refuses() -> bool:
        taken = instance.take()
        if taken:
            instance.release()
        return not taken

    wait_for(refuses)
    assert runs(instance.pid)
    assert instance.invoke(Invocation(body=b"last")).body == b"last"
    instance.release()
    ending.join()
    assert not runs(instance.pid)
    host.watchdog.close()
