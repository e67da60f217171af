"""What tests of the Jenkins client share: small jobs, and a client with short times."""

from xml.sax.saxutils import escape

from jenkins_ml.adapters.jenkins_client import Limits, Pace, Profile, Server

FOLDER = '<?xml version="1.1" encoding="UTF-8"?>\n<com.cloudbees.hudson.plugins.folder.Folder/>'
LIMITS = Limits(connect=2, request=2, restart=5, first_pause=0.02, longest_pause=0.1)
PACE = Pace(first=0.01, longest=0.05, grace=0.1, long_grace=0.2, missing=0.3, stop=0.2)
PROXIES = tuple(
    each for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for each in (name, name.upper())
)
VARIABLES = (
    "JENKINS_URL", "JENKINS_USER", "JENKINS_TOKEN", "JENKINS_ML_SERVER", "JENKINS_API_EXTRA_HEADERS",
    "PYTHONHTTPSVERIFY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", *PROXIES,
)  # fmt: skip


def pipeline(script="echo 'hello'", *, parameters="", disabled=False):
    """A pipeline job whose script stands in it.

    Args:
        script: the pipeline.
        parameters: the XML of parameter definitions.
        disabled: whether it is.
    """
    held = (
        "<hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
        f"{parameters}</parameterDefinitions></hudson.model.ParametersDefinitionProperty>"
        if parameters
        else ""
    )
    return (
        "<?xml version='1.1' encoding='UTF-8'?>\n<flow-definition>"
        f"<properties>{held}</properties>"
        '<definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">'
        f"<script>{escape(script)}</script><sandbox>true</sandbox></definition>"
        f"<disabled>{str(disabled).lower()}</disabled></flow-definition>"
    )


def string(name, default=""):
    return _definition("String", name, default)


def text(name, default=""):
    return _definition("Text", name, default)


def boolean(name, default="false"):
    return _definition("Boolean", name, default)


def password(name, default=""):
    return _definition("Password", name, default)


def choice(name, *choices):
    listed = "".join(f"<string>{escape(each)}</string>" for each in choices)
    return (
        f"<hudson.model.ChoiceParameterDefinition><name>{name}</name>"
        f'<choices class="java.util.Arrays$ArrayList"><a class="string-array">{listed}</a></choices>'
        "</hudson.model.ChoiceParameterDefinition>"
    )


def _definition(kind, name, default):
    return (
        f"<hudson.model.{kind}ParameterDefinition><name>{name}</name>"
        f"<defaultValue>{escape(default)}</defaultValue></hudson.model.{kind}ParameterDefinition>"
    )


def client(fake, user=None, *, secret=None, limits=LIMITS, url=None, **more):
    """A client of a fake server; its token unless another secret is given."""
    user = user or fake.admin
    return Server(Profile(url or fake.url, user.name, secret or user.token), limits=limits, **more)
