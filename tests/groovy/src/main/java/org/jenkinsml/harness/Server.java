package org.jenkinsml.harness;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The server that the builds run on, as server.json describes it: nodes, credentials, other jobs, libraries, tools. */
public final class Server {

    /** A credential: its type (the symbol of its binding) and its values. */
    public record Credential(String id, Map<String, Object> values) {
        public String text(String name) {
            Object value = values.get(name);
            return value == null ? "" : value.toString();
        }

        public String type() {
            return text("type");
        }
    }

    /** Another job that {@code build} can start. */
    public record OtherJob(String name, Map<String, Object> parameters, String result) {
    }

    private final Map<String, Object> json;
    private final Path folder;
    private final CommandLine options;

    private Server(Map<String, Object> json, Path folder, CommandLine options) {
        this.json = json;
        this.folder = folder;
        this.options = options;
    }

    static Server load(Path file, CommandLine options) throws IOException {
        return new Server(Json.read(file), file.toAbsolutePath().getParent(), options);
    }

    /** The folder of jobs that the built job is in; empty at the top. */
    public String jobFolder() {
        return (String) json.getOrDefault("folder", "");
    }

    /** The user who starts the builds and answers inputs. */
    public String user() {
        return (String) json.getOrDefault("user", "admin");
    }

    /** The nodes: name, labels, number of executors. */
    List<Map<String, Object>> nodes() {
        Object nodes = options.agents() == null ? json.get("agents") : Json.parse(options.agents());
        List<Map<String, Object>> all = new ArrayList<>();
        Json.asList(nodes).forEach(node -> all.add(Json.asObject(node)));
        return all;
    }

    public Credential credential(String id) {
        Object values = Json.asObject(json.get("credentials")).get(id);
        return values == null ? null : new Credential(id, Json.asObject(values));
    }

    /** The job of that path as the built job sees it: relative to its folder, or from the top with a slash. */
    public OtherJob job(String path) {
        Path resolved = path.startsWith("/") ? Path.of(path) : Path.of("/", jobFolder(), path);
        Path home = Path.of("/", jobFolder());
        if (!home.equals(resolved.normalize().getParent())) {
            return null;
        }
        String name = resolved.getFileName().toString();
        Object found = Json.asObject(json.get("jobs")).get(name);
        if (found == null) {
            return null;
        }
        Map<String, Object> job = Json.asObject(found);
        return new OtherJob(name, Json.asObject(job.get("parameters")), (String) job.getOrDefault("result", "SUCCESS"));
    }

    /** Tool installations: type to names. */
    Map<String, List<String>> tools() {
        Map<String, List<String>> tools = new LinkedHashMap<>();
        Json.asObject(json.get("tools")).forEach((type, names) ->
                tools.put(type, new ArrayList<>(Json.asObject(names).keySet())));
        return tools;
    }

    /** Where a tool is installed, or null. */
    public String toolHome(String type, String name) {
        Object home = Json.asObject(Json.asObject(json.get("tools")).get(type)).get(name);
        return home == null ? null : home.toString();
    }

    /** The folder of a shared library, or null; the one of {@code --library} goes by any name, also one the server has. */
    Path library(String name) {
        if (options.library() != null) {
            return options.library();
        }
        Object path = Json.asObject(json.get("libraries")).get(name);
        return path == null ? null : folder.resolve(path.toString());
    }
}
