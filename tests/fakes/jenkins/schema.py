"""The classes whose XML the server understands: their fields, the plugins that they come from, what is filled in.

A line is `class | fields`. A field is `name:type=default`; without a default a missing one stays missing. Types:
(none) text, b boolean, i number, s secret, c cron spec (a bad one drops the whole object), e enumeration-like text,
l list of objects (unknown ones are dropped), L list of plain values, o object (its class stands in `class`), * anything.
"""

from dataclasses import dataclass, field
from functools import cache

from tests.fakes.jenkins.dom import Node, node

# Where classes come from. The longest prefix counts; core's have no plugin.
PACKAGES = {
    "hudson.": "",
    "jenkins.": "",
    "com.cloudbees.hudson.plugins.folder.": "cloudbees-folder",
    "com.cloudbees.plugins.credentials.": "credentials",
    "com.cloudbees.jenkins.plugins.sshcredentials.": "ssh-credentials",
    "com.cloudbees.jenkins.": "github",
    "com.coravy.hudson.plugins.github.": "github",
    "com.dabsquared.gitlabjenkins.": "gitlab-plugin",
    "hudson.plugins.git.": "git",
    "hudson.plugins.throttleconcurrents.": "throttle-concurrents",
    "hudson.tasks.junit.": "junit",
    "io.jenkins.plugins.gitlabbranchsource.": "gitlab-branch-source",
    "jenkins.branch.": "branch-api",
    "jenkins.plugins.git.": "git",
    "jenkins.scm.": "scm-api",
    "java.": "",
    "org.jenkinsci.plugins.docker.workflow.": "docker-workflow",
    "org.jenkinsci.plugins.github__branch__source.": "github-branch-source",
    "org.jenkinsci.plugins.gwt.": "generic-webhook-trigger",
    "org.jenkinsci.plugins.matrixauth.": "",  # its converters write no plugin
    "org.jenkinsci.plugins.pipeline.modeldefinition.": "pipeline-model-definition",
    "org.jenkinsci.plugins.plaincredentials.": "plain-credentials",
    "org.jenkinsci.plugins.workflow.cps.": "workflow-cps",
    "org.jenkinsci.plugins.workflow.job.": "workflow-job",
    "org.jenkinsci.plugins.workflow.libs.": "pipeline-groovy-lib",
    "org.jenkinsci.plugins.workflow.multibranch.": "workflow-multibranch",
}
ROOTS = {
    "flow-definition": "org.jenkinsci.plugins.workflow.job.WorkflowJob",
    "project": "hudson.model.FreeStyleProject",
    "com.cloudbees.hudson.plugins.folder.Folder": "com.cloudbees.hudson.plugins.folder.Folder",
    "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject": (
        "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
    ),
    "jenkins.branch.OrganizationFolder": "jenkins.branch.OrganizationFolder",
}
FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
MULTIBRANCH = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
ORGANIZATION = "jenkins.branch.OrganizationFolder"

_CLASSES = """
flow-definition | actions:l description displayName logRotator:o keepDependencies:b=false properties:l= definition:o
flow-definition | triggers:l authToken quietPeriod:i disabled:b=false
project | actions:l description displayName logRotator:o keepDependencies:b=false properties:l= scm:o quietPeriod:i
project | assignedNode canRoam:b=false disabled:b=false blockBuildWhenDownstreamBuilding:b=false
project | blockBuildWhenUpstreamBuilding:b=false authToken triggers:l= concurrentBuild:b=false builders:l= publishers:l=
project | buildWrappers:l=
com.cloudbees.hudson.plugins.folder.Folder | actions:l description displayName properties:l= folderViews:o
com.cloudbees.hudson.plugins.folder.Folder | healthMetrics:l= icon:o
org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject | actions:l description displayName properties:l=
org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject | folderViews:o healthMetrics:l= icon:o
org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject | orphanedItemStrategy:o triggers:l= disabled:b=false
org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject | sources:o= factory:o
jenkins.branch.OrganizationFolder | actions:l description displayName properties:l= folderViews:o healthMetrics:l=
jenkins.branch.OrganizationFolder | icon:o orphanedItemStrategy:o triggers:l= disabled:b=false navigators:l=
jenkins.branch.OrganizationFolder | projectFactories:l= buildStrategies:l= strategy:o
org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition | script sandbox:b=false
org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition | scm:o scriptPath lightweight:b=false
hudson.plugins.git.GitSCM | configVersion:i=0 userRemoteConfigs:l branches:l doGenerateSubmoduleConfigurations:b=false
hudson.plugins.git.GitSCM | gitTool browser:o submoduleCfg:* extensions:l=
hudson.plugins.git.UserRemoteConfig | name refspec url credentialsId
hudson.plugins.git.BranchSpec | name
hudson.plugins.git.extensions.impl.CloneOption | shallow:b=false noTags:b=false reference timeout:i depth:i honorRefspec:b=false
hudson.plugins.git.extensions.impl.CleanBeforeCheckout | deleteUntrackedNestedRepositories:b=false
hudson.plugins.git.extensions.impl.CleanCheckout | deleteUntrackedNestedRepositories:b=false
hudson.plugins.git.extensions.impl.RelativeTargetDirectory | relativeTargetDir
hudson.scm.NullSCM |
hudson.model.ParametersDefinitionProperty | parameterDefinitions:l
hudson.model.StringParameterDefinition | name description defaultValue trim:b=false
hudson.model.TextParameterDefinition | name description defaultValue trim:b=false
hudson.model.BooleanParameterDefinition | name description defaultValue:b=false
hudson.model.ChoiceParameterDefinition | name description choices:L=
hudson.model.PasswordParameterDefinition | name description defaultValue:s
hudson.model.FileParameterDefinition | name description
hudson.model.RunParameterDefinition | name description projectName runId filter
com.cloudbees.plugins.credentials.CredentialsParameterDefinition | name description defaultValue credentialType required:b=false
jenkins.model.BuildDiscarderProperty | strategy:o
hudson.tasks.LogRotator | daysToKeep:i numToKeep:i artifactDaysToKeep:i artifactNumToKeep:i removeLastBuild:b=false
org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty | abortPrevious:b=false
org.jenkinsci.plugins.workflow.job.properties.DisableResumeJobProperty |
org.jenkinsci.plugins.workflow.job.properties.DurabilityHintJobProperty | hint
org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty | triggers:l=
org.jenkinsci.plugins.pipeline.modeldefinition.properties.PreserveStashesJobProperty | buildCount:i
org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobAction |
org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction | jobProperties:L= triggers:L=
org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction | parameters:L= options:L=
hudson.triggers.TimerTrigger | spec:c
hudson.triggers.SCMTrigger | spec:c ignorePostCommitHooks:b=false
jenkins.triggers.ReverseBuildTrigger | spec upstreamProjects threshold:*
org.jenkinsci.plugins.gwt.GenericTrigger | spec genericVariables:l regexpFilterText regexpFilterExpression
org.jenkinsci.plugins.gwt.GenericTrigger | genericRequestVariables:l genericHeaderVariables:l printPostContent:b=false
org.jenkinsci.plugins.gwt.GenericTrigger | printContributedVariables:b=false causeString token tokenCredentialId
org.jenkinsci.plugins.gwt.GenericTrigger | silentResponse:b=false overrideQuietPeriod:b=false shouldNotFlattern:b=false
org.jenkinsci.plugins.gwt.GenericTrigger | allowSeveralTriggersPerBuild:b=false
org.jenkinsci.plugins.gwt.GenericVariable | expressionType key value regexpFilter defaultValue
org.jenkinsci.plugins.gwt.GenericRequestVariable | key regexpFilter
org.jenkinsci.plugins.gwt.GenericHeaderVariable | key regexpFilter
hudson.tasks.Shell | command configuredLocalRules:l=
com.coravy.hudson.plugins.github.GithubProjectProperty | projectUrl displayName
com.cloudbees.jenkins.GitHubPushTrigger | spec
com.dabsquared.gitlabjenkins.GitLabPushTrigger | spec triggerOnPush:b=false triggerToBranchDeleteRequest:b=false
com.dabsquared.gitlabjenkins.GitLabPushTrigger | triggerOnMergeRequest:b=false triggerOnlyIfNewCommitsPushed:b=false
com.dabsquared.gitlabjenkins.GitLabPushTrigger | triggerOnPipelineEvent:b=false triggerOnAcceptedMergeRequest:b=false
com.dabsquared.gitlabjenkins.GitLabPushTrigger | triggerOnClosedMergeRequest:b=false triggerOnApprovedMergeRequest:b=false
com.dabsquared.gitlabjenkins.GitLabPushTrigger | triggerOpenMergeRequestOnPush triggerOnNoteRequest:b=false noteRegex
com.dabsquared.gitlabjenkins.GitLabPushTrigger | ciSkip:b=false skipWorkInProgressMergeRequest:b=false
com.dabsquared.gitlabjenkins.GitLabPushTrigger | labelsThatForcesBuildIfAdded setBuildDescription:b=false
com.dabsquared.gitlabjenkins.GitLabPushTrigger | branchFilterType includeBranchesSpec excludeBranchesSpec
com.dabsquared.gitlabjenkins.GitLabPushTrigger | sourceBranchRegex targetBranchRegex mergeRequestLabelFilterConfig:*
com.dabsquared.gitlabjenkins.GitLabPushTrigger | secretToken:s pendingBuildName cancelPendingBuildsOnUpdate:b=false
com.dabsquared.gitlabjenkins.connection.GitLabConnectionProperty | gitLabConnection jobCredentialId
com.dabsquared.gitlabjenkins.connection.GitLabConnectionProperty | useAlternativeCredential:b=false
com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy | pruneDeadBranches:b=false daysToKeep:i
com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy | numToKeep:i abortBuilds:b=false
com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger | spec:c interval:i
jenkins.branch.MultiBranchProject$BranchSourceList | data:l owner:*
jenkins.branch.BranchSource | source:o buildStrategies:l strategy:o
org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory | owner:* scriptPath
org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProjectFactory | scriptPath
jenkins.plugins.git.GitSCMSource | id remote credentialsId traits:l
io.jenkins.plugins.gitlabbranchsource.GitLabSCMSource | id serverName projectOwner projectPath projectName credentialsId
io.jenkins.plugins.gitlabbranchsource.GitLabSCMSource | traits:l sshRemote httpRemote projectId:i
org.jenkinsci.plugins.github__branch__source.GitHubSCMSource | id apiUri credentialsId repoOwner repository repositoryUrl
org.jenkinsci.plugins.github__branch__source.GitHubSCMSource | traits:l
org.jenkinsci.plugins.workflow.libs.FolderLibraries | libraries:l
org.jenkinsci.plugins.workflow.libs.LibraryConfiguration | name retriever:o defaultVersion implicit:b=false
org.jenkinsci.plugins.workflow.libs.LibraryConfiguration | allowVersionOverride:b=false includeInChangesets:b=false
org.jenkinsci.plugins.workflow.libs.SCMSourceRetriever | clone:b=false scm:o
com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl | scope id description username password:s
com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl | usernameSecret:b=false
org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl | scope id description secret:s
"""
# The matrix plugin has one converter for all of its properties; there are no more fields than these.
MATRIX = (
    "hudson.security.AuthorizationMatrixProperty",
    "com.cloudbees.hudson.plugins.folder.properties.AuthorizationMatrixProperty",
)
_WHOLLY = ("", "workflow-job", "generic-webhook-trigger", "pipeline-model-definition", "plain-credentials")
_NOT_INSTALLED_WITHOUT = {"com.cloudbees.hudson.plugins.folder.properties.AuthorizationMatrixProperty": "matrix-auth"}


@dataclass
class Field:
    """A field of a class.

    Args:
        name: its element.
        type: see the module's docstring.
        default: what a missing one is filled with; None leaves it out.
    """

    name: str
    type: str = ""
    default: str | None = None


@dataclass
class Class:
    """A class.

    Args:
        name: as elements have it (with doubled underscores).
        plugin: short name; empty for core.
        fields: in their order; None takes every field.
    """

    name: str
    plugin: str = ""
    fields: list[Field] | None = field(default_factory=list)


@cache
def plugin_of(name: str) -> str | None:
    """The plugin that a class comes from; empty for core, None for a class from nowhere."""
    if name in ("flow-definition",):
        return "workflow-job"
    if name in MATRIX or name == "project":
        return ""
    found = max((prefix for prefix in PACKAGES if name.startswith(prefix)), key=len, default=None)
    return None if found is None else PACKAGES[found]


@cache
def _table() -> dict[str, Class]:
    table: dict[str, Class] = {}
    for line in _CLASSES.strip().splitlines():
        name, _, fields = (part.strip() for part in line.partition("|"))
        known = table.setdefault(name, Class(name, plugin_of(name) or ""))
        for each in fields.split():
            declared, equals, default = each.partition("=")
            own, _, kind = declared.partition(":")
            known.fields.append(Field(own, kind, default if equals else None))
    return table


def class_named(name: str, installed: dict[str, str], *, exactly: bool = False) -> Class | None:
    """What the server knows about a class, if it knows it.

    Args:
        name: as elements have it.
        installed: versions of plugins.
        exactly: of core and of the plugins that the table knows wholly, only what it names exists.
    """
    known = _table().get(name)
    plugin = plugin_of(name)
    if plugin is None or (plugin and plugin not in installed):
        return None
    if _NOT_INSTALLED_WITHOUT.get(name, "credentials") not in installed and name in _NOT_INSTALLED_WITHOUT:
        return None
    if known is None and (not exactly or plugin not in _WHOLLY or name in MATRIX):
        known = Class(name, plugin, None)
    return known


def _owner(root: str) -> Node:
    return node("owner", class_=root, reference="../..")


def defaults(root: str) -> dict[str, Node]:
    """The objects that a constructor fills in, by field."""
    views = "com.cloudbees.hudson.plugins.folder.views.DefaultFolderViewHolder"
    icon = "com.cloudbees.hudson.plugins.folder.icons.StockFolderIcon"
    all_ = node(
        "hudson.model.AllView",
        node("owner", class_=FOLDER, reference="../../../.."),
        node("name", "All"),
        node("filterExecutors", "false"),
        node("filterQueue", "false"),
        node("properties", class_="hudson.model.View$PropertyList"),
    )
    bar = node("tabBar", class_="hudson.views.DefaultViewsTabBar")
    orphans = "com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy"
    kept = [("pruneDeadBranches", "true"), ("daysToKeep", "-1"), ("numToKeep", "-1"), ("abortBuilds", "false")]
    strategy = node("orphanedItemStrategy", *(node(name, text) for name, text in kept), class_=orphans)
    metadata = node("icon", _owner(root), class_="jenkins.branch.MetadataActionFolderIcon")
    if root == FOLDER:
        return {
            "folderViews": node("folderViews", node("views", all_), bar, class_=views),
            "icon": node("icon", class_=icon),
        }
    if root == "project":
        return {"scm": node("scm", class_="hudson.scm.NullSCM")}
    if root == MULTIBRANCH:
        factory = "org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory"
        holder = "jenkins.branch.MultiBranchProjectViewHolder"
        return {
            "folderViews": node("folderViews", _owner(root), class_=holder),
            "icon": metadata,
            "orphanedItemStrategy": strategy,
            "factory": node("factory", _owner(root), node("scriptPath", "Jenkinsfile"), class_=factory),
        }
    if root == ORGANIZATION:
        holder = "jenkins.branch.OrganizationFolderViewHolder"
        return {
            "folderViews": node("folderViews", _owner(root), class_=holder),
            "icon": metadata,
            "orphanedItemStrategy": strategy,
        }
    return {}
