package org.jenkinsml.harness;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The server's expansion of values: {@code $NAME} and {@code ${NAME}} where NAME is known, {@code $$} as a dollar. */
final class Macros {

    private static final Pattern REFERENCE = Pattern.compile("\\$(?:(\\$)|([A-Za-z0-9_]+)|\\{([A-Za-z0-9_.]+)})");

    private Macros() {
    }

    static String expand(String text, Map<String, String> values) {
        return REFERENCE.matcher(text).replaceAll(match -> {
            if (match.group(1) != null) {
                return Matcher.quoteReplacement("$");
            }
            String name = match.group(2) == null ? match.group(3) : match.group(2);
            return Matcher.quoteReplacement(values.getOrDefault(name, match.group()));
        });
    }
}
