package org.jenkinsml.harness;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurperClassic;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** JSON as plain maps and lists. */
public final class Json {

    private Json() {
    }

    public static Object parse(String text) {
        return new JsonSlurperClassic().parseText(text);
    }

    public static Map<String, Object> object(String text) {
        return asObject(parse(text));
    }

    public static Map<String, Object> read(Path file) throws IOException {
        return object(Files.readString(file));
    }

    public static String write(Object value) {
        return JsonOutput.toJson(value);
    }

    @SuppressWarnings("unchecked")
    public static Map<String, Object> asObject(Object json) {
        return json == null ? Map.of() : (Map<String, Object>) json;
    }

    @SuppressWarnings("unchecked")
    public static List<Object> asList(Object json) {
        return json == null ? List.of() : (List<Object>) json;
    }

    public static List<String> asStrings(Object json) {
        return asList(json).stream().map(String::valueOf).toList();
    }
}
