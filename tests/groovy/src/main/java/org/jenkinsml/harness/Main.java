package org.jenkinsml.harness;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jenkinsml.harness.front.Catalog;
import org.jenkinsml.harness.front.DeclarativeFront;
import org.jenkinsml.harness.front.Verdict;

/** Validates and runs Jenkinsfiles, and writes one line of JSON for each. */
public final class Main {

    private static final int USAGE = 64;

    private final CommandLine options;
    private final Server server;
    private final Catalog catalog;
    private final Path home;

    private Main(CommandLine options, Path home) throws IOException {
        this.options = options;
        this.home = home;
        Path description = options.server() == null ? Path.of(System.getProperty("harness.home"), "server.json")
                : Path.of(options.server());
        server = Server.load(description, options);
        catalog = Catalog.load(options.plugins()).withTools(server.tools());
    }

    public static void main(String[] arguments) throws Exception {
        CommandLine options;
        try {
            options = CommandLine.parse(arguments);
        } catch (CommandLine.UsageException e) {
            System.err.println("run: " + e.getMessage());
            System.exit(USAGE);
            return;
        }
        Path home = Files.createTempDirectory("jenkinsfile-harness-");
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // whatever a script prints past its log must not get between the lines
        try {
            new Main(options, home).runAll(out);
        } finally {
            Folders.delete(home);
        }
        System.exit(0); // a script that could not be stopped must not keep the harness
    }

    private void runAll(PrintStream out) throws InterruptedException, ExecutionException {
        ExecutorService pool = Executors.newFixedThreadPool(options.jobs());
        List<Future<String>> lines = new ArrayList<>();
        for (int i = 0; i < options.files().size(); i++) {
            Path file = options.files().get(i);
            Path folder = home.resolve(String.valueOf(i));
            lines.add(pool.submit(() -> Json.write(line(file, folder))));
        }
        for (Future<String> line : lines) {
            out.println(line.get());
        }
        pool.shutdownNow();
    }

    /** What is said of a file; one that cannot be read, or that the harness cannot cope with, must not stop the others. */
    private Map<String, Object> line(Path file, Path folder) {
        try {
            return run(file, folder);
        } catch (Exception | StackOverflowError e) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("file", file.toString());
            line.put("accepted", false);
            line.put("errors", List.of("the harness cannot run it: " + e));
            line.put("result", "FAILURE");
            line.put("stages", List.of());
            line.put("post_order", List.of());
            return line;
        }
    }

    private Map<String, Object> run(Path file, Path folder) throws IOException {
        String source = Files.readString(file);
        Verdict verdict = DeclarativeFront.validate(source, "WorkflowScript", catalog);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("file", file.toString());
        line.put("accepted", verdict.accepted());
        line.put("errors", verdict.errors());
        if (options.validateOnly()) {
            return line;
        }
        Job job = new Job(name(file), server, options);
        List<Map<String, Object>> builds = new ArrayList<>();
        for (int i = 0; i < options.builds(); i++) {
            builds.add(build(job, source, folder));
        }
        line.putAll(builds.get(builds.size() - 1));
        if (builds.size() > 1) {
            line.put("builds", builds);
        }
        return line;
    }

    private Map<String, Object> build(Job job, String source, Path folder) throws IOException {
        Build build = new Build(job, catalog, folder);
        BuildThread.run(build, source);
        job.add(build);
        Map<String, Object> report = build.report();
        if (options.consoles() != null) {
            Files.createDirectories(options.consoles());
            Files.writeString(options.consoles().resolve(job.name() + "-" + build.number() + ".txt"), build.console().text());
        }
        return report;
    }

    /** A job is named after its file, or after the folder of a file that is called like all of them. */
    private static String name(Path file) {
        String name = file.getFileName().toString();
        Path parent = file.toAbsolutePath().getParent();
        String meaningful = name.equals("Jenkinsfile") && parent.getFileName() != null ? parent.getFileName().toString() : name;
        return meaningful.replaceAll("[^\\w.-]", "_");
    }
}
