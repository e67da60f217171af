"""A fresh Jenkins, from nothing to the result of a first build. See README.md."""

import os
import sys

from jenkins_ml.adapters.jenkins_client import RequestedBuild, Server, find_profile
from jenkins_ml.errors import JenkinsMLError

FOLDER = "ml"
JOB = f"{FOLDER}/hello"  # a full name: the folders, then the job

FOLDER_XML = "<com.cloudbees.hudson.plugins.folder.Folder/>"
JOB_XML = """<flow-definition>
  <properties>
    <hudson.model.ParametersDefinitionProperty>
      <parameterDefinitions>
        <hudson.model.StringParameterDefinition><name>WHO</name><defaultValue>world</defaultValue>
        </hudson.model.StringParameterDefinition>
      </parameterDefinitions>
    </hudson.model.ParametersDefinitionProperty>
  </properties>
  <definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">
    <script>echo "hello, ${params.WHO}"</script>
    <sandbox>true</sandbox>
  </definition>
</flow-definition>"""


def main(who: str) -> int:
    """Make what is missing, build once, and show the log; 0 when the build ended SUCCESS."""
    profile = find_profile(None, os.environ)  # JENKINS_URL, JENKINS_USER, JENKINS_TOKEN
    with Server(profile, note=lambda text: print(text, file=sys.stderr)) as server:
        # A container that was just started refuses connections, then says that it is getting ready.
        print(f"Jenkins {server.wait_until_ready(300)}, as {server.whoami()}")

        # Server is a python-jenkins client: upsert_job makes the item, or configures it if it is there.
        server.upsert_job(FOLDER, FOLDER_XML)
        server.upsert_job(JOB, JOB_XML)

        # Nothing waits longer than this from here on. A build is started once, even if the connection breaks off.
        server.ends = server.clock.monotonic() + 600
        build = RequestedBuild(server, JOB, [("WHO", who)])
        build.trigger()
        for text in build.log():  # as it grows, until the build has ended
            print(text, end="", flush=True)
        result = build.wait().result
    print(f"{build.url} ended {result}")
    return 0 if result == "SUCCESS" else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "world"))
    except JenkinsMLError as error:  # says what happened and what to do next, and has its exit code
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
