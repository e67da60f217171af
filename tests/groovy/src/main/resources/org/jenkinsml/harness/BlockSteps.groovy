package org.jenkinsml.harness

import hudson.model.Result

/**
 * The steps with a block. Each public method that takes the arguments by name and the block is a step of its name: it
 * enters what the block needs, calls it, and leaves in any case.
 */
class BlockSteps implements Serializable {

    private static final long serialVersionUID = 1

    private final Host host

    BlockSteps(Host host) {
        this.host = host
    }

    def node(Map arguments, Closure body) {
        def lease = host.acquireNode(arguments.label)
        host.enterNode(lease, null)
        try {
            host.yieldTurn()
            return body.call()
        } finally {
            host.leaveNode(lease)
        }
    }

    def ws(Map arguments, Closure body) {
        return inDirectory(arguments.dir, true, body)
    }

    def dir(Map arguments, Closure body) {
        return inDirectory(arguments.path, false, body)
    }

    private def inDirectory(String folder, boolean isWorkspace, Closure body) {
        if (folder == null) {
            throw new IllegalArgumentException('the folder must not be null')
        }
        int entered = host.enterDirectory(folder, isWorkspace)
        try {
            host.yieldTurn()
            return body.call()
        } finally {
            for (int i = 0; i < entered; i++) {
                host.leave()
            }
        }
    }

    def stage(Map arguments, Closure body) {
        StageRecord stage = host.enterStage(arguments.name)
        try {
            host.yieldTurn()
            return body.call()
        } catch (Throwable e) {
            stage.failed(e)
            throw e
        } finally {
            host.leaveStage()
        }
    }

    def script(Map arguments, Closure body) {
        host.yieldTurn()
        return body.call()
    }

    def timestamps(Map arguments, Closure body) {
        host.yieldTurn()
        return body.call()
    }

    def ansiColor(Map arguments, Closure body) {
        host.yieldTurn()
        return body.call()
    }

    def withChecks(Map arguments, Closure body) {
        host.yieldTurn()
        return body.call()
    }

    def tee(Map arguments, Closure body) {
        host.yieldTurn()
        return body.call()
    }

    def wrap(Map arguments, Closure body) {
        host.yieldTurn()
        return body.call()
    }

    def gitlabCommitStatus(Map arguments, Closure body) {
        host.yieldTurn()
        return body.call()
    }

    def gitlabBuilds(Map arguments, Closure body) {
        host.yieldTurn()
        return body.call()
    }

    def sshagent(Map arguments, Closure body) {
        host.yieldTurn()
        return body.call()
    }

    def withEnv(Map arguments, Closure body) {
        host.enterEnvironment(arguments.overrides)
        try {
            host.yieldTurn()
            return body.call()
        } finally {
            host.leave()
        }
    }

    def withCredentials(Map arguments, Closure body) {
        def credentials = host.enterCredentials(arguments.bindings)
        try {
            host.yieldTurn()
            return body.call()
        } finally {
            host.leaveCredentials(credentials)
        }
    }

    def timeout(Map arguments, Closure body) {
        def timer = host.startTimeout(arguments)
        try {
            host.yieldTurn()
            return body.call()
        } catch (Throwable e) {
            host.passTimeout(timer, e)
            throw e
        } finally {
            host.endTimeout(timer)
        }
    }

    def retry(Map arguments, Closure body) {
        int left = arguments.count
        host.yieldTurn()
        while (true) {
            try {
                return body.call()
            } catch (Throwable e) {
                left--
                // A condition asks for lost nodes and the like, which there are none of here.
                if (left <= 0 || arguments.conditions || host.isAbort(e)) {
                    throw e
                }
                host.log(host.text(e))
                host.log('Retrying')
            }
        }
    }

    def waitUntil(Map arguments, Closure body) {
        long pause = arguments.initialRecurrencePeriod ?: 250
        while (true) {
            host.yieldTurn()
            def done = body.call()
            if (!(done instanceof Boolean)) {
                throw new ClassCastException('body return value ' + done + ' is not boolean')
            }
            if (done) {
                return null
            }
            host.invokeStep('sleep', [[time: pause, unit: 'MILLISECONDS']] as Object[])
            pause = Math.min((long) (pause * 1.2), 15000L)
        }
    }

    def lock(Map arguments, Closure body) {
        def name = arguments.resource ?: arguments.label
        if (!name && !arguments.extra) {
            throw new IllegalArgumentException('Either resource label or resource name must be specified.')
        }
        host.log('Trying to acquire lock on [Resource: ' + name + ']')
        if (arguments.variable) {
            host.enterEnvironment([arguments.variable + '=' + name])
        } else {
            host.enterEnvironment([])
        }
        try {
            host.yieldTurn()
            return body.call()
        } finally {
            host.log('Lock released on resource [Resource: ' + name + ']')
            host.leave()
        }
    }

    def catchError(Map arguments, Closure body) {
        Result buildResult = result(arguments, 'buildResult', Result.FAILURE)
        Result stageResult = result(arguments, 'stageResult', Result.SUCCESS)
        boolean catchesInterruptions = arguments.catchInterruptions != false
        return caught(body, arguments.message, buildResult, stageResult, catchesInterruptions)
    }

    def warnError(Map arguments, Closure body) {
        boolean catchesInterruptions = arguments.catchInterruptions != false
        return caught(body, arguments.message, Result.UNSTABLE, Result.UNSTABLE, catchesInterruptions)
    }

    private static Result result(Map arguments, String name, Result byDefault) {
        if (!arguments.containsKey(name)) {
            return byDefault
        }
        String text = arguments[name]
        if (text == null) {
            return Result.SUCCESS
        }
        if (!Result.values().any { it.name() == text.toUpperCase() }) {
            throw new IllegalArgumentException(name + ' is invalid: ' + text + '. Valid options are SUCCESS, UNSTABLE,'
                    + ' FAILURE, NOT_BUILT and ABORTED.')
        }
        return Result.fromString(text)
    }

    private def caught(Closure body, String message, Result buildResult, Result stageResult, boolean interruptions) {
        try {
            host.yieldTurn()
            return body.call()
        } catch (Throwable e) {
            if (host.isAbort(e) && !interruptions) {
                throw e
            }
            if (message) {
                host.log('ERROR: ' + message)
            }
            host.log(host.text(e))
            // An interruption keeps its own result; an error gets the one that is asked for.
            boolean interrupted = host.isInterruption(e)
            Result ofBuild = interrupted ? host.resultOf(e) : buildResult
            Result ofStage = interrupted ? host.resultOf(e) : stageResult
            if (ofBuild != Result.SUCCESS) {
                host.log('Setting overall build result to ' + ofBuild)
            }
            host.warn(ofBuild, ofStage)
            return null
        }
    }

    /** Not like the others: the branches are arguments. */
    def parallel(Map arguments) {
        Map branches = [:]
        boolean failFast = false
        for (entry in arguments) {
            if (entry.key.toString() == 'failFast' && !(entry.value instanceof Closure)) {
                failFast = entry.value
            } else if (entry.value instanceof Closure) {
                branches[entry.key] = entry.value
            } else {
                throw new IllegalArgumentException('Expected a closure for branch ' + entry.key)
            }
        }
        return host.parallel(branches, failFast)
    }

    def load(Map arguments, Closure body) {
        def script = host.script(arguments.path)
        return script.run()
    }

    def podTemplate(Map arguments, Closure body) {
        host.notRun('a Kubernetes pod')
        host.yieldTurn()
        return body.call()
    }

    def container(Map arguments, Closure body) {
        host.notRun('a container')
        host.yieldTurn()
        return body.call()
    }

    def withDockerContainer(Map arguments, Closure body) {
        host.notRun('a Docker container')
        host.yieldTurn()
        return body.call()
    }

    def withDockerRegistry(Map arguments, Closure body) {
        host.notRun('a Docker registry')
        host.yieldTurn()
        return body.call()
    }

    def withDockerServer(Map arguments, Closure body) {
        host.notRun('a Docker server')
        host.yieldTurn()
        return body.call()
    }
}
