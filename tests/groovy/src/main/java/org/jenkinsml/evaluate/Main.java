package org.jenkinsml.evaluate;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurperClassic;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Says what Groovy reads in Jenkinsfiles: {@code {"source": "..."}} a line comes in,
 * {@code {"calls": [...]}} or {@code {"error": "..."}} a line goes out. One process answers for many files, because tests have thousands.
 */
public final class Main {

    private Main() {
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // what a script prints is no answer
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<?, ?> question = (Map<?, ?>) new JsonSlurperClassic().parseText(line);
            answers.println(JsonOutput.toJson(answer((String) question.get("source"))));
        }
    }

    private static Map<String, Object> answer(String source) {
        try {
            return Map.of("calls", Evaluation.of(source));
        } catch (Exception | LinkageError e) {
            return Map.of("error", e.toString());
        }
    }
}
