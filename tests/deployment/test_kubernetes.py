"""The manifests for Kubernetes start what Compose starts, confined alike, with settings that exist."""

import importlib
import shlex
import shutil
import subprocess

import pytest
import yaml
from support import compose_file

import config
from petition.core.settings.checks import BadSetting
from petition.delivery.queues import QUEUE_NAMES

FOLDER = compose_file.ROOT / "deploy" / "kubernetes"
SERVICES = compose_file.load_compose()["services"]
LINKS = {
    "PETITION_WEB_SERVICE_HOST": "10.0.0.7",
    "PETITION_WEB_SERVICE_PORT": "80",
    "PETITION_WEB_SERVICE_PORT_HTTP": "80",
    "PETITION_WEB_PORT": "tcp://10.0.0.7:80",
    "PETITION_PORT": "tcp://10.0.0.7:80",
    "PETITION_WEB_PORT_80_TCP": "tcp://10.0.0.7:80",
    "PETITION_WEB_PORT_80_TCP_ADDR": "10.0.0.7",
}


def load(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def pods():
    """Return the pods by name: each with what `pod.yaml` adds to all."""
    [common] = load("pod.yaml")
    common, found = common["spec"]["template"]["spec"], {}
    for name in load("kustomization.yaml")[0]["resources"]:
        for document in load(name):
            if document["kind"] in ("Deployment", "Job"):
                pod = document["spec"]["template"]["spec"]
                [own], [shared] = pod["containers"], common["containers"]
                found[document["metadata"]["name"]] = {**common, **pod, "containers": [{**shared, **own}]}
    return found


PODS = pods()


def test_there_is_what_compose_has():
    ours = {name for name, service in SERVICES.items() if "build" in service and name != "flower"}
    assert {f"petition-{name}" for name in ours} == set(PODS)


@pytest.mark.parametrize("name", PODS)
def test_commands_and_memory_are_those_of_compose(name):
    service, [container] = SERVICES[name.removeprefix("petition-")], PODS[name]["containers"]
    words = [word.replace("/run/beat/", "/tmp/") for word in shlex.split(service.get("command", ""))]
    assert container.get("command", []) == words
    assert container["name"] == "app"


@pytest.mark.parametrize("name", PODS)
def test_pods_are_confined_and_get_no_variables_of_services(name):
    pod, [container] = PODS[name], PODS[name]["containers"]
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}" == compose_file.parse_image().user.partition(":")[0]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "memory" in container["resources"]["limits"]


def test_workers_are_asked_by_the_command_for_it_and_web_by_its_pages():
    for queue in QUEUE_NAMES:
        [container] = PODS[f"petition-worker-{queue}"]["containers"]
        for probe in ("startupProbe", "livenessProbe"):
            assert container[probe]["exec"]["command"] == ["petition", "worker-health", queue]
    [web] = PODS["petition-web"]["containers"]
    assert web["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_there_is_one_beat_and_never_two():
    [beat] = load("beat.yaml")
    assert (beat["spec"]["replicas"], beat["spec"]["strategy"]) == (1, {"type": "Recreate"})


def test_settings_are_settings(tmp_path):
    lines = (FOLDER / "settings.env").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    urls = {"DATABASE_URL_FILE": "postgresql://petition@postgres/petition", "REDIS_URL_FILE": "redis://redis"}
    for name in [name for name in settings if name.endswith("_FILE")]:
        (tmp_path / name).write_text(urls.get(name, "k" * 64))
        settings[name] = str(tmp_path / name)
    assert config.Config({**settings, "KUBERNETES_SERVICE_HOST": "10.0.0.1", **LINKS}).MAIL_PORT == 587
    for name in LINKS:
        with pytest.raises(BadSetting, match=name):
            config.Config({**settings, name: LINKS[name]})
    with pytest.raises(BadSetting, match="PETITION_POOL_SIZES"):
        config.Config({**settings, "KUBERNETES_SERVICE_HOST": "10.0.0.1", "PETITION_POOL_SIZES": "1"})


def test_the_image_is_that_of_compose():
    [image] = load("kustomization.yaml")[0]["images"]
    assert f"{image['name']}:{image['newTag']}" == SERVICES["web"]["image"]


@pytest.mark.skipif(
    shutil.which("kubectl") is None,
    reason="needs kubectl (kustomize): apt-get install kubectl from https://pkgs.k8s.io",
)
def test_kustomize_takes_them(tmp_path):
    made = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=False, timeout=240)
    assert made.returncode == 0, made.stderr
    documents = list(yaml.safe_load_all(made.stdout))
    assert len(documents) == 10
    for document in documents:
        if document["kind"] in ("Deployment", "Job"):
            assert document["spec"]["template"]["spec"]["enableServiceLinks"] is False
            [container] = document["spec"]["template"]["spec"]["containers"]
            assert container["image"] == SERVICES["web"]["image"]
    if importlib.util.find_spec("kubernetes_validate") is None:
        pytest.skip(
            "compared with the schemas of Kubernetes only with kubernetes-validate: pip install kubernetes-validate"
        )
    validate = importlib.import_module("kubernetes_validate").validate
    for document in documents:
        validate(document, "1.37", strict=True)
