package org.jenkinsml.harness.front;

import groovy.json.JsonSlurper;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What is installed on the server, read from catalog.json: what a Jenkinsfile may name, and with which parameters.
 *
 * <p>In the file a parameter is {@code "name: Type"}, {@code "name: Type!"} when it is required; types that are not
 * Java's own stand under {@code types}. What belongs to a plugin of {@code optionalPlugins} counts only when that
 * plugin is asked for.
 */
public final class Catalog {

    private final Map<String, Describable> steps;
    private final Map<String, Describable> options;
    private final Map<String, Describable> triggers;
    private final Map<String, Describable> parameters;
    private final Map<String, Describable> conditions;
    private final Map<String, Describable> agents;
    private final Map<String, Describable> describables;
    private final Set<String> jobs;
    private final Set<String> classes;
    private final List<String> postConditions;
    private final Map<String, List<String>> tools;

    private Catalog(Reader reader, Map<String, List<String>> tools) {
        steps = reader.group("steps");
        options = reader.group("options");
        triggers = reader.group("triggers");
        parameters = reader.group("parameters");
        conditions = reader.group("conditions");
        agents = reader.group("agents");
        describables = reader.group("describables");
        jobs = reader.installed("jobs").stream().map(Reader::name).collect(Collectors.toSet());
        classes = Set.copyOf(reader.strings("classes"));
        postConditions = reader.strings("postConditions");
        this.tools = tools == null ? reader.tools() : tools;
    }

    private Catalog(Catalog other, Map<String, List<String>> tools) {
        steps = other.steps;
        options = other.options;
        triggers = other.triggers;
        parameters = other.parameters;
        conditions = other.conditions;
        agents = other.agents;
        describables = other.describables;
        jobs = other.jobs;
        classes = other.classes;
        postConditions = other.postConditions;
        this.tools = tools;
    }

    /** The plugins of the recording server and the named ones besides. */
    public static Catalog load(Set<String> plugins) {
        return new Catalog(new Reader(plugins), null);
    }

    /** The same catalog with these tool installations (tool type to names), as the server's configuration has them. */
    public Catalog withTools(Map<String, List<String>> installations) {
        Map<String, List<String>> all = new LinkedHashMap<>(tools);
        all.putAll(installations);
        return new Catalog(this, all);
    }

    /** The steps, by name. */
    public Map<String, Describable> steps() {
        return steps;
    }

    /** The triggers, by name. */
    public Map<String, Describable> triggers() {
        return triggers;
    }

    /** The types of build parameters, by name. */
    public Map<String, Describable> parameters() {
        return parameters;
    }

    /** The conditions of {@code when}, by name. */
    public Map<String, Describable> conditions() {
        return conditions;
    }

    /** The types of agents, by name. */
    public Map<String, Describable> agents() {
        return agents;
    }

    /** The conditions of {@code post}, in the order in which they run. */
    public List<String> postConditions() {
        return postConditions;
    }

    /** The types of tools and what is installed of each. */
    public Map<String, List<String>> tools() {
        return tools;
    }

    /** Whether it is a class of the server that a Jenkinsfile knows without its package. */
    boolean knowsClass(String className) {
        return classes.contains(className);
    }

    /** What {@code options} of the pipeline or of a stage may name, sorted. */
    Set<String> optionNames(boolean inStage) {
        Set<String> names = new TreeSet<>();
        options.values().stream().filter(o -> o.inStage() || !inStage).forEach(o -> names.add(o.name()));
        steps.values().stream().filter(Describable::inOptions).forEach(s -> names.add(s.name()));
        return names;
    }

    /** An entry of {@code options}: an option or a step that wraps. */
    Describable option(String name) {
        return options.containsKey(name) ? options.get(name) : steps.get(name);
    }

    /** What a statement of a {@code steps} block means: a step, else anything with that symbol. */
    public Describable stepOrSymbol(String name) {
        return steps.containsKey(name) ? steps.get(name) : symbol(name);
    }

    /** What a nested call among arguments means: anything with that symbol, else a step. */
    Describable symbolOrStep(String name) {
        Describable symbol = symbol(name);
        return symbol == null ? steps.get(name) : symbol;
    }

    private Describable symbol(String name) {
        for (Map<String, Describable> group
                : List.of(describables, options, triggers, parameters, conditions, agents)) {
            if (group.containsKey(name)) {
                return group.get(name);
            }
        }
        if (jobs.contains(name)) {
            throw new ServerException("\"" + name + "\" is a type of job: it has no constructor to take arguments");
        }
        return null;
    }

    /** Reads the file, leaving out what plugins that are not there would add. */
    private static final class Reader {
        private final Map<String, Object> file;
        private final Set<String> plugins;
        private final List<String> optionalPlugins;

        @SuppressWarnings("unchecked")
        Reader(Set<String> plugins) {
            this.plugins = plugins;
            try (InputStream in = Catalog.class.getResourceAsStream("/org/jenkinsml/harness/catalog.json")) {
                file = (Map<String, Object>) new JsonSlurper().parse(new InputStreamReader(in, StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            optionalPlugins = strings("optionalPlugins");
        }

        Map<String, Describable> group(String key) {
            Map<String, Describable> group = new LinkedHashMap<>();
            installed(key).forEach(entry -> group.put(name(entry), describable(entry)));
            return group;
        }

        Map<String, List<String>> tools() {
            Map<String, List<String>> tools = new LinkedHashMap<>();
            installed("tools").forEach(entry -> tools.put(name(entry), asStrings(entry.get("installations"))));
            return tools;
        }

        List<String> strings(String key) {
            return asStrings(file.get(key));
        }

        List<Map<String, Object>> installed(String key) {
            return entries(key).stream()
                    .filter(e -> !optionalPlugins.contains(e.get("plugin")) || plugins.contains(e.get("plugin")))
                    .toList();
        }

        static String name(Map<String, Object> entry) {
            return (String) entry.get("name");
        }

        private Describable describable(Map<String, Object> entry) {
            Object children = entry.get("children");
            return new Describable(name(entry), (String) entry.get("plugin"),
                    asStrings(entry.get("parameters")).stream().map(this::parameter).toList(),
                    flag(entry, "block"), flag(entry, "option"), flag(entry, "stage"),
                    children == null ? Describable.Children.NONE
                            : Describable.Children.valueOf(((String) children).toUpperCase(Locale.ROOT)),
                    flag(entry, "hidden"));
        }

        private Parameter parameter(String spec) {
            String[] nameAndType = spec.split(": ");
            boolean required = nameAndType[1].endsWith("!");
            String type = required ? nameAndType[1].substring(0, nameAndType[1].length() - 1) : nameAndType[1];
            Parameter.Type javaType = Parameter.javaType(type);
            return new Parameter(nameAndType[0], required, javaType == null ? serverType(type) : javaType);
        }

        private Parameter.Type serverType(String name) {
            Map<String, Object> type = entries("types").stream().filter(t -> name(t).equals(name)).findFirst()
                    .orElseThrow(() -> new IllegalStateException("catalog.json lacks the type " + name));
            return Parameter.serverType((String) type.get("class"),
                    type.containsKey("values") ? asStrings(type.get("values")) : null, flag(type, "describable"));
        }

        @SuppressWarnings("unchecked")
        private List<Map<String, Object>> entries(String key) {
            return (List<Map<String, Object>>) file.get(key);
        }

        private static boolean flag(Map<String, Object> entry, String key) {
            return Boolean.TRUE.equals(entry.get(key));
        }

        @SuppressWarnings("unchecked")
        private static List<String> asStrings(Object json) {
            return (List<String>) json;
        }
    }
}
