package org.jenkinsml.harness;

import com.cloudbees.groovy.cps.Continuable;
import com.cloudbees.groovy.cps.Envs;
import com.cloudbees.groovy.cps.Outcome;
import com.cloudbees.groovy.cps.sandbox.SandboxInvoker;
import groovy.lang.Script;
import hudson.AbortException;
import hudson.model.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.codehaus.groovy.control.MultipleCompilationErrorsException;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;
import org.jenkinsml.harness.front.Catalog;

/** One build: runs the script and knows everything that steps ask about it. */
public final class Build implements Live {

    /** How long an aborted script has to clean up, and then how long one step may hold out. */
    private static final int GRACE_SECONDS = 5;

    private final Job job;
    private final Catalog catalog;
    private final int number;
    private final Path home;
    private final Console console = new Console();
    private final CpsProgram program = new CpsProgram();
    private final Nodes nodes;
    private final Map<String, Object> parameters = new LinkedHashMap<>();
    private final Map<String, String> environment = new TreeMap<>();
    private final List<StageRecord> stages = new ArrayList<>();
    private final List<Map<String, Object>> commands = new ArrayList<>();
    private final Map<String, Object> notes = new LinkedHashMap<>();
    private final Libraries libraries;
    private final ScriptLoader loader;
    private final Host host;
    private Result result;
    private boolean notRun;
    private volatile boolean expired;
    private final long startTime = System.currentTimeMillis();
    private Map<String, Object> parameterDefaults = Map.of();

    Build(Job job, Catalog catalog, Path home) {
        this.job = job;
        this.catalog = catalog;
        this.number = job.nextNumber();
        this.home = home;
        this.nodes = new Nodes(job.server().nodes(), home.resolve("nodes"), job.name());
        this.host = new Host(this);
        this.libraries = new Libraries(this);
        this.loader = new ScriptLoader(this);
        giveParameters(job.options().parameters(index()));
    }

    private int index() {
        return number - 1 - (job.options().previousResult() == null ? 0 : 1);
    }

    /** A build knows the parameters that the builds before it declared; what it is given besides counts in the first. */
    private void giveParameters(Map<String, Object> given) {
        Map<String, Parameters.Definition> definitions = job.parameters();
        if (definitions == null) {
            parameters.putAll(given);
            return;
        }
        definitions.forEach((name, definition) -> {
            Object value = given.containsKey(name) ? given.get(name) : definition.defaultValue();
            if (value != null) {
                parameters.put(name, definition.value(value));
            }
        });
    }

    void run(String source) {
        try {
            Files.createDirectories(home);
            execute(loader.main(source));
        } catch (NotRunException e) {
            notRun = true;
            console.print(e.getMessage(), null);
        } catch (MultipleCompilationErrorsException e) {
            fail(e.getClass().getName() + ": " + e.getMessage(), Result.FAILURE);
        } catch (Throwable e) { // whatever escapes a script ends its build
            fail(Exceptions.text(e), Exceptions.result(e));
        }
        if (result == null) {
            result = Result.SUCCESS;
        }
        console.print("Finished: " + result, null);
    }

    private void fail(String text, Result failure) {
        worsen(failure);
        console.print(text, null);
    }

    private void execute(Script script) throws Throwable {
        Outcome[] end = new Outcome[1];
        Continuable main = new Continuable(script, Envs.empty(new SandboxInvoker()));
        program.start(main, Context.empty(), outcome -> end[0] = outcome);
        ScheduledFuture<?> deadline = Timers.after(job.options().deadlineSeconds(), TimeUnit.SECONDS, this::expire);
        try (Sandbox sandbox = new Sandbox(this)) {
            program.run();
        } finally {
            deadline.cancel(false);
            nodes.close();
        }
        end[0].replay();
    }

    private void expire() {
        FlowInterruptedException abort = deadlineException();
        interrupt(null, abort);
        Timers.after(GRACE_SECONDS, TimeUnit.SECONDS, () -> {
            expired = true;
            program.crash(abort);
        });
    }

    private static FlowInterruptedException deadlineException() {
        return new FlowInterruptedException(Result.ABORTED, true, "The deadline of the harness has passed");
    }

    /** The build does not end: it counts as aborted, whatever it still does. */
    void giveUp() {
        expired = true;
        worsen(Result.ABORTED);
        console.print("The build did not end by its deadline", null);
    }

    /** Ends a script that never waits, so that nothing else can end it. */
    void stopIfExpired() {
        if (expired) {
            throw Host.sneaky(deadlineException());
        }
    }

    /** Ends what the threads inside a block, or all, wait for; may be called on any thread. */
    void interrupt(Object provided, Throwable cause) {
        program.post(() -> program.interrupt(provided, cause));
    }

    public Job job() {
        return job;
    }

    public Catalog catalog() {
        return catalog;
    }

    public int number() {
        return number;
    }

    public Console console() {
        return console;
    }

    /** A folder of this build alone, for stashes, artifacts and the like. */
    public Path home() {
        return home;
    }

    CpsProgram program() {
        return program;
    }

    Nodes nodes() {
        return nodes;
    }

    Libraries libraries() {
        return libraries;
    }

    Host host() {
        return host;
    }

    ScriptLoader loader() {
        return loader;
    }

    /** What steps of one build want to remember for each other, by name. */
    public Map<String, Object> notes() {
        return notes;
    }

    /** The parameters of this build. */
    public Map<String, Object> parameters() {
        return parameters;
    }

    /** The result so far; null while nothing has been set. */
    public Result result() {
        return result;
    }

    /** Results only get worse. */
    public void worsen(Result other) {
        result = Result.worst(result, other);
    }

    /** The result as the context sees it: a post section counts what its stage and its error say. */
    public Result result(Context context) {
        PostScope post = context == null ? null : context.get(PostScope.class);
        return post == null ? result : post.combinedWith(result);
    }

    /** Variables that the script set with {@code env.NAME = ..}. */
    public Map<String, String> overrides() {
        return environment;
    }

    /** The whole environment of a step. */
    public Map<String, String> environment(Context context) {
        Map<String, String> all = new TreeMap<>();
        Nodes.Lease lease = context.get(Nodes.Lease.class);
        if (lease != null) {
            all.putAll(System.getenv());
            all.putAll(job.options().environment());
            lease.addTo(all);
            Path workspace = context.get(Workspace.class).path();
            all.put("WORKSPACE", workspace.toString());
            all.put("WORKSPACE_TMP", workspace + "@tmp");
        }
        addBuildVariables(all);
        Map<String, String> before = new TreeMap<>(all);
        parameters.forEach((name, value) -> all.put(name, Macros.expand(String.valueOf(value), before)));
        all.putAll(environment);
        context.all(EnvironmentOverlay.class).forEach(overlay -> overlay.applyTo(all));
        return all;
    }

    private void addBuildVariables(Map<String, String> all) {
        all.put("BUILD_NUMBER", String.valueOf(number));
        all.put("BUILD_ID", String.valueOf(number));
        all.put("BUILD_DISPLAY_NAME", "#" + number);
        all.put("JOB_NAME", job.fullName());
        all.put("JOB_BASE_NAME", job.name());
        all.put("BUILD_TAG", "jenkins-" + job.fullName().replace('/', '-') + "-" + number);
        all.put("JENKINS_HOME", home.toString());
        all.put("CI", "true");
        Map<String, Object> change = job.options().change();
        change.forEach((name, value) -> all.put("CHANGE_" + name.toUpperCase(Locale.ROOT), String.valueOf(value)));
        if (!change.isEmpty()) {
            all.put("BRANCH_NAME", "PR-" + change.get("id"));
        } else if (job.options().tag() != null) {
            all.put("TAG_NAME", job.options().tag());
            all.put("BRANCH_NAME", job.options().tag());
        } else if (job.options().branch() != null) {
            all.put("BRANCH_NAME", job.options().branch());
        }
    }

    /** The parameters of the Jenkinsfile: for the next builds; this one sees the defaults of what it was not given. */
    public void declareParameters(List<?> described) {
        Map<String, Parameters.Definition> definitions = Parameters.of(described);
        job.declare(definitions);
        Map<String, Object> defaults = new LinkedHashMap<>();
        definitions.forEach((name, definition) -> defaults.put(name, definition.defaultValue()));
        parameterDefaults = defaults;
        parameters.replaceAll((name, value) ->
                definitions.containsKey(name) ? definitions.get(name).value(value) : value);
    }

    /** The defaults of the parameters that the Jenkinsfile declares. */
    public Map<String, Object> parameterDefaults() {
        return parameterDefaults;
    }

    /** When the build began, in milliseconds. */
    public long startTime() {
        return startTime;
    }

    void enterStage(StageRecord stage) {
        stages.add(stage);
    }

    /** The names of the nodes with that label. */
    public List<String> nodeNames(String label) {
        return nodes.names(label);
    }

    public void loadLibrary(String identifier) throws AbortException {
        libraries.load(identifier);
    }

    public String libraryResource(String path) throws IOException {
        return libraries.resource(path);
    }

    /** The number of the next build of another job. */
    public int nextNumberOf(String otherJob) {
        return job.nextNumberOf(otherJob);
    }

    /** Remembers a command that was run, for the report. */
    public void ran(Context context, String script, Integer status) {
        StageRecord stage = context.get(StageRecord.class);
        Map<String, Object> command = new LinkedHashMap<>();
        command.put("stage", stage == null ? null : stage.name());
        command.put("script", script);
        command.put("status", status);
        synchronized (commands) {
            commands.add(command);
        }
    }

    /** The build as the report has it. */
    Map<String, Object> report() {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("result", notRun ? null : result.name());
        report.put("stages", stages.stream().map(StageRecord::report).toList());
        report.put("post_order", console.postLines());
        report.put("commands", commands);
        return report;
    }
}
