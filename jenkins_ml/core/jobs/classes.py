"""Names of Jenkins and its plugins that stand in a job's configuration, each as its plugin writes it.

An underscore in a Java package is doubled where a class is the name of an element, and single in an attribute.
"""

from __future__ import annotations

from typing import Final

FOLDER: Final = "com.cloudbees.hudson.plugins.folder.Folder"
PIPELINE: Final = "flow-definition"
MULTIBRANCH: Final = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
# The root element -> what api/json calls the same thing in `_class`.
API_CLASSES: Final = {
    FOLDER: FOLDER,
    PIPELINE: "org.jenkinsci.plugins.workflow.job.WorkflowJob",
    MULTIBRANCH: MULTIBRANCH,
}
TYPE_WORDS: Final = {
    API_CLASSES[FOLDER]: "folder",
    API_CLASSES[PIPELINE]: "pipeline",
    API_CLASSES[MULTIBRANCH]: "multibranch project",
}

# --- properties of a job ---------------------------------------------------------------------------------------------
PARAMETERS: Final = "hudson.model.ParametersDefinitionProperty"
DISCARDER: Final = "jenkins.model.BuildDiscarderProperty"
LOG_ROTATOR: Final = "hudson.tasks.LogRotator"
NOT_CONCURRENT: Final = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
TRIGGERS: Final = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
JOB_PERMISSIONS: Final = "hudson.security.AuthorizationMatrixProperty"

# --- triggers --------------------------------------------------------------------------------------------------------
CRON: Final = "hudson.triggers.TimerTrigger"
POLL: Final = "hudson.triggers.SCMTrigger"
GITHUB_PUSH: Final = "com.cloudbees.jenkins.GitHubPushTrigger"
GITLAB_PUSH: Final = "com.dabsquared.gitlabjenkins.GitLabPushTrigger"
WEBHOOK: Final = "org.jenkinsci.plugins.gwt.GenericTrigger"
WEBHOOK_VARIABLE: Final = "org.jenkinsci.plugins.gwt.GenericVariable"
UPSTREAM: Final = "jenkins.triggers.ReverseBuildTrigger"
SCAN: Final = "com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger"

# --- where a pipeline's text comes from ------------------------------------------------------------------------------
FROM_SCM: Final = "org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition"
INLINE: Final = "org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition"
BRANCH_SOURCE: Final = "jenkins.branch.BranchSource"
GIT: Final = "hudson.plugins.git.GitSCM"
CLONE_OPTION: Final = "hudson.plugins.git.extensions.impl.CloneOption"

# --- what a Jenkinsfile has written into its job ---------------------------------------------------------------------
DECLARATIVE_TRACKER: Final = (
    "org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction"
)
SCRIPTED_TRACKER: Final = "org.jenkinsci.plugins.workflow.multibranch.JobPropertyTrackerAction"
