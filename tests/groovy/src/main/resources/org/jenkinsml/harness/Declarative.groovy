package org.jenkinsml.harness

/**
 * Runs a declarative pipeline: the map that the front made of {@code pipeline { }}. Whatever the user wrote as code is
 * a closure in it.
 */
class Declarative implements Serializable {

    private static final long serialVersionUID = 1

    private final Host host

    Declarative(Host host) {
        this.host = host
    }

    /** A {@code pipeline} that is not where the front looks for it is a plain call: its sections are unknown names. */
    def pipeline(Closure body) {
        body.call()
        throw host.abort('Expected a pipeline at the top of the script')
    }

    def declarative(Map root) {
        Throwable error = null
        boolean postDone = false
        try {
            prepare(root)
            inAgent(root.agent, root, null) {
                withEnvironment(root.environment) {
                    inWrappers(root.options) {
                        Throwable failure = null
                        withTools(root.tools, root.agent, true) {
                            failure = runStages(root, root.stages, null, [agent: root.agent, tools: root.tools], null, null)
                            postDone = true
                            failure = postOfBuild(root, failure)
                        }
                        if (failure != null) {
                            throw failure
                        }
                    }
                }
            }
        } catch (Throwable e) {
            error = e
        }
        if (!postDone) {
            error = postOfBuild(root, error)
        }
        if (error != null) {
            throw error
        }
    }

    /** What a pipeline does to its job before it runs. */
    private void prepare(Map root) {
        for (identifier in root.libraries) {
            host.loadLibrary(identifier.call())
        }
        List parameters = []
        for (parameter in root.parameters) {
            parameters << host.invokeStep(parameter.name, parameter.args.call() as Object[])
        }
        if (root.parameters) {
            host.declareParameters(parameters)
        }
        for (trigger in root.triggers) {
            host.checkTrigger(trigger.name, trigger.args.call())
        }
        for (option in root.options) {
            if (!host.isWrapper(option.name)) {
                host.checkOption(option.name, option.args.call())
            }
        }
    }

    // ---- stages

    /**
     * Runs stages one after the other, and then the post section of the stage that they belong to. What is around them
     * is in {@code outer}: the agent and the tools. Gives the first error instead of throwing it.
     */
    private Throwable runStages(Map root, List stages, Map parent, Map outer, Throwable firstError, String skipReason) {
        Throwable error = firstError
        for (stage in stages) {
            try {
                runStage(root, stage, outer, error, skipReason)
            } catch (Throwable e) {
                error = error ?: e
            }
        }
        if (parent != null && skipReason == null) {
            error = runPost(parent.post, host.stage(), outer.agent, error)
        }
        return error
    }

    private void runStage(Map root, Map stage, Map outer, Throwable firstError, String parentSkipReason) {
        host.invokeStep('stage', [stage.name, {
            Throwable error = firstError
            String skipReason = parentSkipReason ?: reasonToSkip(root, firstError)
            Map here = [agent: stage.agent ?: outer.agent, tools: outer.tools]
            try {
                if (skipReason != null) {
                    skipStage(root, stage, here, error, skipReason)
                } else {
                    inCell(stage) {
                        skipReason = runUnlessSkipped(root, stage, here)
                    }
                }
            } catch (Throwable e) {
                error = error ?: e
            }
            if (skipReason == null && branches(stage) != null) {
                error = runPost(stage.post, host.stage(), here.agent, error)
            }
            if (error != null) {
                throw error
            }
        }] as Object[])
    }

    private String reasonToSkip(Map root, Throwable firstError) {
        if (firstError != null) {
            return 'earlier failure(s)'
        }
        return has(root.options, 'skipStagesAfterUnstable') && host.isUnstable()
                ? 'earlier stage(s) marking the build as unstable' : null
    }

    /** Everything around a stage in the order of the server; gives why the stage was skipped, or null. */
    private String runUnlessSkipped(Map root, Map stage, Map here) {
        Map when = stage.when
        boolean evaluated = false
        boolean passed = true
        if (when?.beforeOptions) {
            evaluated = true
            passed = holds(when)
        }
        if (passed) {
            inWrappers(stage.options) {
                if (when?.beforeInput && !evaluated) {
                    evaluated = true
                    passed = holds(when)
                }
                if (passed) {
                    afterInput(stage.input) {
                        if (when?.beforeAgent && !evaluated) {
                            evaluated = true
                            passed = holds(when)
                        }
                        if (passed) {
                            inAgent(stage.agent, root, stage) {
                                if (when != null && !evaluated) {
                                    passed = holds(when)
                                }
                                if (passed) {
                                    withEnvironment(stage.environment) {
                                        withTools(merged(here.tools, stage), here.agent, false) {
                                            runContent(root, stage, here)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        if (!passed) {
            skipStage(root, stage, here, null, 'when conditional')
            return 'when conditional'
        }
        return null
    }

    private void runContent(Map root, Map stage, Map here) {
        Map inner = [agent: here.agent, tools: merged(here.tools, stage)]
        if (stage.steps != null) {
            Throwable error = null
            try {
                onNode(here.agent) {
                    stage.steps.call()
                }
            } catch (Throwable e) {
                error = e
            }
            error = runPost(stage.post, host.stage(), here.agent, error)
            if (error != null) {
                throw error
            }
        } else if (stage.stages != null) {
            Throwable error = runStages(root, stage.stages, stage, inner, null, null)
            if (error != null) {
                throw error
            }
        } else {
            runBranches(root, stage, inner, null, null)
        }
    }

    private void runBranches(Map root, Map stage, Map outer, Throwable firstError, String skipReason) {
        Map closures = [:]
        for (branch in branches(stage)) {
            Map one = branch
            closures[one.name] = { runStage(root, one, outer, firstError, skipReason) }
        }
        boolean failFast = stage.failFast || has(root.options, 'parallelsAlwaysFailFast')
        if (!closures.isEmpty()) {
            host.parallel(closures, failFast)
        }
    }

    private void skipStage(Map root, Map stage, Map here, Throwable error, String reason) {
        host.log('Stage "' + stage.name + '" skipped due to ' + reason)
        if (reason == 'when conditional') {
            host.stage().skipped()
        }
        if (stage.stages != null) {
            runStages(root, stage.stages, stage, here, error, reason)
        } else if (branches(stage) != null) {
            runBranches(root, stage, here, error, reason)
        }
    }

    /** The stages that run beside each other, or null. */
    private List branches(Map stage) {
        return stage.matrix != null ? Matrix.cells(stage.matrix) : stage.parallel
    }

    private def inCell(Map stage, Closure body) {
        return stage.cell ? host.invokeStep('withEnv', [stage.cell, body] as Object[]) : body.call()
    }

    // ---- post

    private Throwable postOfBuild(Map root, Throwable firstError) {
        Throwable error = firstError
        if (isAnyPost(root.post, null, error)) {
            host.invokeStep('stage', ['Declarative: Post Actions', {
                error = runPost(root.post, null, root.agent, error)
            }] as Object[])
        }
        return error
    }

    private boolean isAnyPost(List post, StageRecord stage, Throwable error) {
        for (condition in post) {
            if (host.isPostCondition(condition.condition, stage, error)) {
                return true
            }
        }
        return false
    }

    /** Runs the conditions that hold, each by what is known when its turn comes; gives the first error. */
    private Throwable runPost(List post, StageRecord stage, Map agent, Throwable firstError) {
        Throwable error = firstError
        if (!isAnyPost(post, stage, error)) {
            return error
        }
        if (stage != null) {
            host.log('Post stage')
        }
        PostScope scope = host.enterPost(stage, error)
        try {
            for (name in host.postConditions()) {
                for (condition in post) {
                    if (condition.condition == name && host.isPostCondition(name, stage, error)) {
                        try {
                            onNode(agent) {
                                condition.body.call()
                            }
                        } catch (Throwable e) {
                            host.log('Error when executing ' + name + ' post condition:')
                            host.log(host.text(e))
                            scope.add(e)
                            stage?.failed(e)
                            error = error ?: e
                        }
                    }
                }
            }
        } finally {
            host.leave()
        }
        return error
    }

    // ---- agent

    private static boolean isAgent(Map agent) {
        return agent != null && agent.type != 'none'
    }

    /** Says what is wrong when a step wants a node where the pipeline said {@code agent none}. */
    private def onNode(Map agent, Closure body) {
        try {
            return body.call()
        } catch (Throwable e) {
            if (host.isMissingNode(e) && !isAgent(agent)) {
                throw host.abort('Attempted to execute a step that requires a node context while ‘agent none’ was specified.'
                        + ' Be sure to specify your own ‘node { ... }’ blocks when using ‘agent none’.')
            }
            throw e
        }
    }

    private def inAgent(Map agent, Map root, Map stage, Closure body) {
        if (!isAgent(agent)) {
            return body.call()
        }
        if (!(agent.type in ['any', 'label', 'node'])) {
            host.notRun('agent ' + agent.type)
        }
        def value = agent.args?.call()
        Map settings = value instanceof Map ? value : agent.type == 'label' ? [label: value] : [:]
        return host.invokeStep('node', [settings.label?.toString(), {
            if (settings.customWorkspace) {
                host.invokeStep('ws', [settings.customWorkspace.toString(), {
                    withCheckout(root, stage, body)
                }] as Object[])
            } else {
                withCheckout(root, stage, body)
            }
        }] as Object[])
    }

    private def withCheckout(Map root, Map stage, Closure body) {
        if (!host.hasScm() || skipsCheckout(root.options, stage?.options)) {
            return body.call()
        }
        Map variables = [:]
        if (stage == null) {
            host.invokeStep('stage', ['Declarative: Checkout SCM', { variables = checkout(root) }] as Object[])
        } else {
            variables = checkout(root)
        }
        List assignments = []
        for (variable in variables) {
            assignments << variable.key + '=' + variable.value
        }
        return host.invokeStep('withEnv', [assignments, body] as Object[])
    }

    private Map checkout(Map root) {
        def folder = argument(root.options, 'checkoutToSubdirectory')
        if (folder == null) {
            return host.checkoutScm()
        }
        Map variables = [:]
        host.invokeStep('dir', [folder, { variables = host.checkoutScm() }] as Object[])
        return variables
    }

    private boolean skipsCheckout(List ofPipeline, List ofStage) {
        List options = has(ofStage, 'skipDefaultCheckout') ? ofStage : ofPipeline
        return has(options, 'skipDefaultCheckout') && argument(options, 'skipDefaultCheckout') != false
    }

    // ---- what is around the steps

    private static boolean has(List options, String name) {
        for (option in options) {
            if (option.name == name) {
                return true
            }
        }
        return false
    }

    /** The only argument of an option, or null. */
    private def argument(List options, String name) {
        for (option in options) {
            if (option.name == name) {
                List arguments = option.args.call()
                return arguments ? arguments[0] : null
            }
        }
        return null
    }

    private def inWrappers(List options, Closure body) {
        List wrappers = []
        for (option in options) {
            if (host.isWrapper(option.name)) {
                wrappers << option
            }
        }
        return wrapped(wrappers, 0, body)
    }

    private def wrapped(List wrappers, int index, Closure body) {
        if (index == wrappers.size()) {
            return body.call()
        }
        List arguments = wrappers[index].args.call()
        return host.invokeStep(wrappers[index].name, (arguments + [{ wrapped(wrappers, index + 1, body) }]) as Object[])
    }

    /** Evaluates one variable of an environment section, once. */
    def environmentValue(PendingEnvironment pending, String name) {
        if (pending.isKnown(name)) {
            return pending.knownValue(name)
        }
        def definition = pending.begin(name)
        try {
            def value = definition.call()
            pending.know(name, value)
            return value
        } finally {
            pending.end(name)
        }
    }

    private def withEnvironment(List definitions, Closure body) {
        if (!definitions) {
            return body.call()
        }
        List assignments = []
        List bindings = []
        PendingEnvironment pending = host.enterPendingEnvironment()
        try {
            for (definition in definitions) {
                pending.define(definition.name, definition.value)
            }
            for (definition in definitions) {
                def value = environmentValue(pending, definition.name)
                def binding = host.credentialsBinding(definition.name, value)
                if (binding == null) {
                    assignments << definition.name + '=' + value
                } else {
                    bindings << binding
                }
            }
        } finally {
            host.leave()
        }
        return withCredentials(bindings) {
            assignments ? host.invokeStep('withEnv', [assignments, body] as Object[]) : body.call()
        }
    }

    private def withCredentials(List bindings, Closure body) {
        return bindings ? host.invokeStep('withCredentials', [bindings, body] as Object[]) : body.call()
    }

    private static List merged(List outer, Map stage) {
        List all = []
        for (tool in outer) {
            if (!stage.tools?.any { it.type == tool.type }) {
                all << tool
            }
        }
        return all + (stage.tools ?: [])
    }

    private def withTools(List tools, Map agent, boolean inStageOfItsOwn, Closure body) {
        if (!tools || !isAgent(agent)) {
            return body.call()
        }
        List assignments = []
        if (inStageOfItsOwn) {
            host.invokeStep('stage', ['Declarative: Tool Install', { assignments = install(tools) }] as Object[])
        } else {
            assignments = install(tools)
        }
        return host.invokeStep('withEnv', [assignments, body] as Object[])
    }

    private List install(List tools) {
        List assignments = []
        for (tool in tools) {
            String name = tool.name.call()
            host.invokeStep('tool', [[name: name, type: tool.type]] as Object[])
            assignments.addAll(host.invokeStep('envVarsForTool', [[toolId: tool.type, toolVersion: name]] as Object[]))
        }
        return assignments
    }

    // ---- input and when

    private def afterInput(Closure input, Closure body) {
        if (input == null) {
            return body.call()
        }
        Map arguments = input.call()
        List parameters = []
        for (parameter in arguments.parameters) {
            parameters << host.invokeStep(parameter.name, parameter.args.call() as Object[])
        }
        if (parameters) {
            arguments = arguments + [parameters: parameters]
        }
        def submitted = host.invokeStep('input', [arguments] as Object[])
        List assignments = []
        if (submitted instanceof Map) {
            for (value in submitted) {
                assignments << value.key + '=' + value.value
            }
        } else if (arguments.submitterParameter != null && parameters.isEmpty()) {
            assignments << arguments.submitterParameter + '=' + submitted
        } else if (parameters.size() == 1) {
            assignments << parameters[0].text('name') + '=' + submitted
        }
        return assignments ? host.invokeStep('withEnv', [assignments, body] as Object[]) : body.call()
    }

    private boolean holds(Map when) {
        return holdsAll(when.conditions)
    }

    private boolean holdsAll(List conditions) {
        for (condition in conditions) {
            if (!holdsOne(condition)) {
                return false
            }
        }
        return true
    }

    private boolean holdsOne(Map condition) {
        switch (condition.name) {
            case 'expression':
                return condition.body.call() as boolean
            case 'not':
                return !holdsOne(condition.children[0])
            case 'allOf':
                return holdsAll(condition.children)
            case 'anyOf':
                for (child in condition.children) {
                    if (holdsOne(child)) {
                        return true
                    }
                }
                return false
            default:
                return host.isCondition(condition.name, condition.args.call())
        }
    }
}
