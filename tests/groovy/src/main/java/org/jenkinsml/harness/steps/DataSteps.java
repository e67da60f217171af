package org.jenkinsml.harness.steps;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurperClassic;
import java.io.StringReader;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/** Data in files: JSON, YAML, properties, CSV. */
final class DataSteps {

    private static final Pattern VERSION_PART = Pattern.compile("\\d+|[A-Za-z]+");

    private DataSteps() {
    }

    static void addTo(Map<String, Step> steps) {
        steps.put("readJSON", call -> new JsonSlurperClassic().parseText(text(call)));
        steps.put("writeJSON", call -> write(call, json(call)));
        steps.put("readYaml", DataSteps::readYaml);
        steps.put("writeYaml", DataSteps::writeYaml);
        steps.put("readProperties", DataSteps::readProperties);
        steps.put("readCSV", call -> rows(text(call)));
        steps.put("writeCSV", call -> write(call, csv((Collection<?>) call.get("records"))));
        steps.put("compareVersions", call -> compareVersions(call.required("v1"), call.required("v2")));
    }

    private static String text(StepCall call) throws Exception {
        if (call.has("text") == call.has("file")) {
            throw new IllegalArgumentException(call.has("text") ? "At most one of file or text must be provided to "
                    + call.name() + "." : "At least one of file or text needs to be provided to " + call.name() + ".");
        }
        return call.has("text") ? call.text("text")
                : FileSteps.read(call.directory().resolve(call.text("file")), call.text("charset"));
    }

    private static Object write(StepCall call, String text) throws Exception {
        if (call.flag("returnText")) {
            return text;
        }
        Path file = call.directory().resolve(call.required("file"));
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
        return null;
    }

    private static String json(StepCall call) {
        String compact = JsonOutput.toJson(call.get("json"));
        boolean pretty = call.get("pretty") instanceof Number indent && indent.intValue() > 0;
        return pretty ? JsonOutput.prettyPrint(compact) : compact;
    }

    private static Object readYaml(StepCall call) throws Exception {
        List<Object> documents = new ArrayList<>();
        Yaml yaml = new Yaml(new SafeConstructor(new LoaderOptions()));
        for (Object document : yaml.loadAll(text(call))) {
            documents.add(document);
        }
        return documents.size() > 1 ? documents : documents.stream().findFirst().orElse(null);
    }

    private static Object writeYaml(StepCall call) throws Exception {
        if (!call.flag("returnText") && !call.flag("overwrite")
                && Files.exists(call.directory().resolve(call.required("file")))) {
            throw new FileAlreadyExistsException(call.text("file"));
        }
        DumperOptions options = new DumperOptions();
        options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
        Yaml yaml = new Yaml(options);
        try {
            return write(call, call.has("datas") ? yaml.dumpAll(((Collection<?>) call.get("datas")).iterator())
                    : yaml.dump(call.get("data")));
        } catch (YAMLException e) {
            throw new IllegalArgumentException("data parameter has invalid content (no-basic classes)", e);
        }
    }

    private static Object readProperties(StepCall call) throws Exception {
        Map<String, Object> all = new LinkedHashMap<>();
        if (call.get("defaults") instanceof Map<?, ?> defaults) {
            defaults.forEach((name, value) -> all.put(String.valueOf(name), value));
        }
        for (String source : new String[] {"file", "text"}) {
            if (call.has(source)) {
                String text = source.equals("text") ? call.text("text")
                        : FileSteps.read(call.directory().resolve(call.text("file")), call.text("charset"));
                Properties properties = new Properties();
                properties.load(new StringReader(text));
                properties.forEach((name, value) -> all.put(name.toString(), value));
            }
        }
        return all;
    }

    private static List<List<String>> rows(String text) {
        List<List<String>> rows = new ArrayList<>();
        text.lines().filter(line -> !line.isBlank()).forEach(line -> rows.add(new ArrayList<>(fields(line))));
        return rows;
    }

    private static List<String> fields(String line) {
        List<String> fields = new ArrayList<>();
        StringBuilder field = new StringBuilder();
        boolean quoted = false;
        for (char c : line.toCharArray()) {
            if (c == '"') {
                quoted = !quoted;
            } else if (c == ',' && !quoted) {
                fields.add(field.toString());
                field.setLength(0);
            } else {
                field.append(c);
            }
        }
        fields.add(field.toString());
        return fields;
    }

    private static String csv(Collection<?> records) {
        StringBuilder text = new StringBuilder();
        for (Object row : records) {
            List<String> fields = new ArrayList<>();
            ((Collection<?>) row).forEach(value -> fields.add(quoted(String.valueOf(value))));
            text.append(String.join(",", fields)).append("\r\n");
        }
        return text.toString();
    }

    private static String quoted(String field) {
        return field.matches("[^\",\\r\\n]*") ? field : "\"" + field.replace("\"", "\"\"") + "\"";
    }

    private static int compareVersions(String left, String right) {
        List<String> a = parts(left);
        List<String> b = parts(right);
        for (int i = 0; i < Math.max(a.size(), b.size()); i++) {
            int order = comparePart(i < a.size() ? a.get(i) : "0", i < b.size() ? b.get(i) : "0");
            if (order != 0) {
                return Integer.signum(order);
            }
        }
        return 0;
    }

    private static List<String> parts(String version) {
        return VERSION_PART.matcher(version).results().map(MatchResult::group).toList();
    }

    private static int comparePart(String a, String b) {
        boolean number = Character.isDigit(a.charAt(0));
        if (number != Character.isDigit(b.charAt(0))) {
            return number ? 1 : -1;
        }
        return number ? Long.compare(Long.parseLong(a), Long.parseLong(b)) : a.compareToIgnoreCase(b);
    }
}
