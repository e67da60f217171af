package org.jenkinsml.harness;

import com.cloudbees.groovy.cps.Continuable;
import com.cloudbees.groovy.cps.Envs;
import com.cloudbees.groovy.cps.impl.ConstantBlock;
import com.cloudbees.groovy.cps.impl.CpsCallableInvocation;
import com.cloudbees.groovy.cps.sandbox.SandboxInvoker;
import groovy.lang.Closure;
import groovy.lang.GroovyObject;
import hudson.AbortException;
import hudson.model.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.codehaus.groovy.runtime.InvokerHelper;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;
import org.jenkinsci.plugins.workflow.steps.MissingContextVariableException;
import org.jenkinsml.harness.front.Describable;
import org.jenkinsml.harness.globals.BuildGlobal;
import org.jenkinsml.harness.globals.EnvGlobal;
import org.jenkinsml.harness.globals.ParamsGlobal;
import org.jenkinsml.harness.steps.Credentials;
import org.jenkinsml.harness.steps.Step;
import org.jenkinsml.harness.steps.StepCall;
import org.jenkinsml.harness.steps.Steps;

/** What a running script can reach: finds out what a name means, and does for the runtime's Groovy what needs Java. */
public final class Host implements Live {

    /** The value of a name that the server knows; it may be null. */
    record Variable(Object value) {
    }

    private static final String CREDENTIALS = "credentials";

    private final Build build;
    private final Map<String, Supplier<Object>> globals = new LinkedHashMap<>();
    private GroovyObject blocks;
    private GroovyObject declarative;

    Host(Build build) {
        this.build = build;
        EnvGlobal env = new EnvGlobal(build, this::context);
        BuildGlobal currentBuild = new BuildGlobal(build, this::context);
        globals.put("env", () -> env);
        globals.put("params", () -> ParamsGlobal.of(build));
        globals.put("currentBuild", () -> currentBuild);
        globals.put("scm", this::scm);
        globals.put("docker", () -> RuntimeClasses.create("DockerVariable", this));
    }

    /** What the blocks around the running script provide. */
    public Context context() {
        CpsThread thread = build.program().current();
        return thread == null ? Context.empty() : thread.context();
    }

    public Build build() {
        return build;
    }

    private GroovyObject blocks() {
        if (blocks == null) {
            blocks = RuntimeClasses.create("BlockSteps", this);
        }
        return blocks;
    }

    private GroovyObject declarative() {
        if (declarative == null) {
            declarative = RuntimeClasses.create("Declarative", this);
        }
        return declarative;
    }

    // ---- names

    /** A call of something that the script does not define itself. */
    public Object invoke(String name, Object[] arguments) {
        if (build.libraries().has(name)) {
            return InvokerHelper.invokeMethod(build.libraries().variable(name), "call", arguments);
        }
        if (globals.containsKey(name)) {
            return InvokerHelper.invokeMethod(globals.get(name).get(), "call", arguments);
        }
        if (name.equals("declarative") || name.equals("pipeline")) {
            return InvokerHelper.invokeMethod(declarative(), name, arguments);
        }
        return invokeStep(name, arguments);
    }

    /** A step, or the definition that a symbol makes. */
    public Object invokeStep(String name, Object[] arguments) {
        if (name.equals("parallel")) {
            return InvokerHelper.invokeMethod(blocks(), name, arguments);
        }
        Describable definition = build.catalog().stepOrSymbol(name);
        if (definition == null) {
            throw new NoSuchMethodError("No such DSL method '" + name + "' found among steps "
                    + new TreeSet<>(build.catalog().steps().keySet()));
        }
        if (name.equals(CREDENTIALS) && arguments.length == 1 && arguments[0] instanceof CharSequence id) {
            return new Described(CREDENTIALS, Map.of("id", id.toString()));
        }
        if (RuntimeClasses.hasBlockStep(name)) {
            return block(name, arguments, definition);
        }
        Step step = Steps.named(name);
        if (step != null) {
            return leaf(name, step, Arguments.of(name, arguments, definition).named());
        }
        if (build.catalog().steps().containsKey(name)) {
            throw new UnsupportedOperationException("The harness does not have the step '" + name + "'");
        }
        return new Described(name, described(name, arguments, definition));
    }

    private Object block(String name, Object[] arguments, Describable definition) {
        Arguments read = Arguments.of(name, arguments, definition);
        if (read.body() == null && definition.block()) {
            throw new IllegalStateException("There is no body to invoke");
        }
        return InvokerHelper.invokeMethod(blocks(), name, new Object[] {read.named(), read.body()});
    }

    private static Map<String, Object> described(String name, Object[] arguments, Describable definition) {
        if (arguments.length == 1 && arguments[0] instanceof Closure) {
            throw new NoSuchMethodError("No such DSL method '" + name + "' found among steps");
        }
        try {
            return Arguments.of(name, arguments, definition).named();
        } catch (ClassCastException e) {
            throw new IllegalArgumentException("Could not instantiate " + name, e);
        }
    }

    private Object leaf(String name, Step step, Map<String, Object> arguments) {
        StepCall call = new StepCall(build, context(), name, arguments);
        if (step.isSynchronous()) {
            try {
                return step.run(call);
            } catch (Exception e) {
                throw sneaky(e);
            }
        }
        return Continuable.suspend(name, new LeafSuspension(step, call));
    }

    /** The value of a variable that the script does not define itself. */
    Optional<Variable> global(String name) {
        PendingEnvironment pending = context().get(PendingEnvironment.class);
        if (pending != null && pending.defines(name)) {
            return Optional.of(new Variable(pending.value(name)));
        }
        if (globals.containsKey(name)) {
            return Optional.of(new Variable(globals.get(name).get()));
        }
        if (name.equals("steps")) {
            return Optional.of(new Variable(new StepsGlobal(this)));
        }
        if (build.libraries().has(name)) {
            return Optional.of(new Variable(build.libraries().variable(name)));
        }
        if (build.parameters().containsKey(name)) {
            return Optional.of(new Variable(build.parameters().get(name)));
        }
        String variable = build.environment(context()).get(name);
        return variable == null ? Optional.empty() : Optional.of(new Variable(variable));
    }

    private Object scm() {
        if (!hasScm()) {
            throw sneaky(new AbortException("‘checkout scm’ is only available when using “Multibranch Pipeline” or"
                    + " “Pipeline script from SCM”"));
        }
        return new Described("scm", Map.of());
    }

    public boolean hasScm() {
        return build.job().options().scm() != null;
    }

    // ---- for the runtime's Groovy: blocks

    public void enter(Object provided) {
        build.program().current().enter(provided);
    }

    public void leave() {
        build.program().current().leave();
    }

    /** Lets the other branches have their turn, as every block on the server does. */
    public Object yieldTurn() {
        return Continuable.suspend("block", new Suspension() {
            @Override
            void start(CpsThread thread, Completion completion) {
                completion.succeed(null);
            }
        });
    }

    public void log(String text) {
        build.console().print(text, context());
    }

    public String text(Throwable cause) {
        return Exceptions.text(cause);
    }

    public boolean isInterruption(Throwable cause) {
        return cause instanceof FlowInterruptedException;
    }

    public boolean isAbort(Throwable cause) {
        return Exceptions.isAbort(cause);
    }

    public Result resultOf(Throwable cause) {
        return Exceptions.result(cause);
    }

    public StageRecord enterStage(String name) {
        StageRecord stage = new StageRecord(name);
        StageRecord outer = stage();
        if (outer != null) {
            outer.contains(stage);
        }
        build.enterStage(stage);
        enter(stage);
        enter(EnvironmentOverlay.of(List.of("STAGE_NAME=" + name)));
        return stage;
    }

    public void leaveStage() {
        leave();
        leave();
    }

    /** The innermost stage, or null. */
    public StageRecord stage() {
        return context().get(StageRecord.class);
    }

    /** Marks the stage and, when it is a result of the build too, the build. */
    public void warn(Result buildResult, Result stageResult) {
        build.worsen(buildResult);
        if (stage() != null) {
            stage().mark(stageResult);
        }
    }

    public Object acquireNode(String label) {
        return Continuable.suspend("node", new Suspension() {
            @Override
            void start(CpsThread thread, Completion completion) {
                if (!build.nodes().exists(label)) {
                    log(thread, "Still waiting to schedule task\nThere are no nodes with the label ‘" + label + "’");
                }
                build.nodes().request(label, completion);
            }

            @Override
            void stop(Throwable cause, Completion completion) {
                build.nodes().withdraw(completion);
                super.stop(cause, completion);
            }
        });
    }

    private void log(CpsThread thread, String text) {
        build.console().print(text, thread.context());
    }

    /** Goes to work on a node; {@code folder} replaces its usual workspace. */
    public void enterNode(Object lease, String folder) throws Exception {
        Nodes.Lease its = (Nodes.Lease) lease;
        Path workspace = folder == null ? its.workspace() : its.workspace().resolveSibling(folder);
        boolean isNew = !workspace.toFile().exists();
        Files.createDirectories(workspace);
        if (isNew && build.job().options().workspace() != null) {
            Folders.copy(build.job().options().workspace(), workspace);
        }
        log("Running on " + its.nodeName() + " in " + workspace);
        enter(its);
        enter(new Workspace(workspace));
        enter(new WorkingDirectory(workspace));
    }

    public void leaveNode(Object lease) {
        leave();
        leave();
        leave();
        ((Nodes.Lease) lease).release();
    }

    /** Changes the working directory; as a workspace of its own when {@code isWorkspace}. */
    public int enterDirectory(String folder, boolean isWorkspace) throws Exception {
        WorkingDirectory current = context().get(WorkingDirectory.class);
        if (current == null) {
            throw new MissingContextVariableException("class hudson.FilePath", "node");
        }
        Path base = isWorkspace ? context().get(Workspace.class).path().getParent() : current.path();
        Path path = base.resolve(folder).normalize();
        Files.createDirectories(path);
        enter(new WorkingDirectory(path));
        if (isWorkspace) {
            enter(new Workspace(path));
            return 2;
        }
        log("Running in " + path);
        return 1;
    }

    public void enterEnvironment(List<?> assignments) {
        enter(EnvironmentOverlay.of(assignments.stream().map(String::valueOf).toList()));
    }

    /** Makes the values of credentials available; gives what undoes it. */
    public Object enterCredentials(List<?> bindings) throws Exception {
        Credentials credentials = Credentials.bind(build, context(), bindings);
        enter(EnvironmentOverlay.of(credentials.assignments()));
        enter(Secrets.of(credentials.secrets()));
        log("Masking supported pattern matches of " + String.join(" or ", credentials.secretVariables()));
        return credentials;
    }

    public void leaveCredentials(Object credentials) throws Exception {
        leave();
        leave();
        ((Credentials) credentials).close();
    }

    /** Starts a timer that interrupts the block; entered like a block and ended by {@link #endTimeout}. */
    public Object startTimeout(Map<String, Object> arguments) {
        TimeoutTimer timer = TimeoutTimer.start(build, arguments);
        log(timer.description());
        if (timer.isOver()) {
            FlowInterruptedException interruption = timer.interruption();
            timer.passed(interruption);
            throw sneaky(interruption);
        }
        enter(timer);
        return timer;
    }

    public void passTimeout(Object timer, Throwable cause) {
        ((TimeoutTimer) timer).passed(cause);
    }

    public void endTimeout(Object timer) {
        ((TimeoutTimer) timer).cancel();
        leave();
    }

    public Object parallel(Map<?, ?> branches, boolean failFast) {
        return Continuable.suspend("parallel", new ParallelSuspension(build, branches, failFast));
    }

    /** What runs a closure as a thread of its own. */
    static Continuable program(Closure<?> closure) {
        try {
            Object value = closure.call();
            return new Continuable(new ConstantBlock(value),
                    Envs.empty(new SandboxInvoker()));
        } catch (CpsCallableInvocation invocation) {
            return new Continuable(invocation.asBlock(), Envs.empty(new SandboxInvoker()));
        }
    }

    public Object script(String path) throws Exception {
        Path file = requireDirectory().resolve(path);
        return build.loader().parse(Files.readString(file), null, null);
    }

    private Path requireDirectory() throws MissingContextVariableException {
        WorkingDirectory directory = context().get(WorkingDirectory.class);
        if (directory == null) {
            throw new MissingContextVariableException("class hudson.FilePath", "node");
        }
        return directory.path();
    }

    public void notRun(String what) {
        if (!build.job().options().agentFallback()) {
            throw new NotRunException(what);
        }
    }

    // ---- for the runtime's Groovy: the declarative model

    /** Evaluates a variable of an environment section as part of the script. */
    Object evaluate(PendingEnvironment pending, String name) {
        return InvokerHelper.invokeMethod(declarative(), "environmentValue", new Object[] {pending, name});
    }

    public PendingEnvironment enterPendingEnvironment() {
        PendingEnvironment pending = new PendingEnvironment(build);
        enter(pending);
        return pending;
    }

    public PostScope enterPost(StageRecord stage, Throwable error) {
        PostScope scope = new PostScope(stage, error);
        enter(scope);
        return scope;
    }

    public boolean isPostCondition(String condition, StageRecord stage, Throwable error) {
        return PostConditions.holds(condition, new PostScope(stage, error).combinedWith(build.result()),
                build.job().previousResult());
    }

    public List<String> postConditions() {
        return build.catalog().postConditions();
    }

    public boolean isCondition(String name, List<?> arguments) {
        Describable definition = build.catalog().conditions().get(name);
        return WhenConditions.holds(build, context(), name,
                Arguments.of(name, arguments.toArray(), definition).named());
    }

    /** Whether an option is a step that wraps its block. */
    public boolean isWrapper(String option) {
        Describable step = build.catalog().steps().get(option);
        return step != null && step.block();
    }

    public void declareParameters(List<?> parameters) {
        build.declareParameters(parameters);
    }

    /** Triggers never start a build here, but a bad one fails it. */
    public void checkTrigger(String name, List<?> arguments) {
        Described trigger = (Described) invokeStep(name, arguments.toArray());
        if (name.equals("cron") || name.equals("pollSCM")) {
            CronSpec.check(String.valueOf(trigger.arguments().values().stream().findFirst().orElse("")));
        }
    }

    /** Options of the job have no effect here, but a bad one fails the build. */
    public void checkOption(String name, List<?> arguments) {
        Arguments.of(name, arguments.toArray(), build.catalog().stepOrSymbol(name));
    }

    /** What to bind when the value of a variable of an environment section is {@code credentials(id)}, else null. */
    public Described credentialsBinding(String variable, Object value) throws AbortException {
        if (value instanceof Described described && described.symbol().equals(CREDENTIALS)) {
            String id = described.arguments().size() == 1 ? described.text("id") : described.toString();
            return Credentials.binding(build, variable, id);
        }
        return null;
    }

    /** What the server checks out before the stages, by the configuration of the job. */
    public Object checkoutScm() {
        return invokeStep("checkout", new Object[] {scm()});
    }

    public void loadLibrary(String identifier) throws AbortException {
        build.libraries().load(identifier);
    }

    public AbortException abort(String message) {
        return new AbortException(message);
    }

    public boolean isMissingNode(Throwable cause) {
        return cause instanceof MissingContextVariableException;
    }

    public boolean isUnstable() {
        return build.result() == Result.UNSTABLE;
    }

    /** Throws what Java would have us declare where Groovy doesn't. */
    @SuppressWarnings("unchecked")
    static <T extends Throwable> RuntimeException sneaky(Throwable cause) throws T {
        throw (T) cause;
    }
}
