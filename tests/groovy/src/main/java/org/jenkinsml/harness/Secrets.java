package org.jenkinsml.harness;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.Set;

/** Values that must not show in the log while their {@code withCredentials} block runs. */
public record Secrets(Set<String> values) {

    private static final String MASK = "****";

    /** The values and how they commonly appear otherwise. */
    static Secrets of(Collection<String> plain) {
        Set<String> forms = new LinkedHashSet<>();
        for (String value : plain) {
            if (!value.isEmpty()) {
                forms.add(value);
                forms.add(Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8)));
                forms.add("'" + value.replace("'", "'\\''") + "'"); // as sh -x shows it
            }
        }
        return new Secrets(forms);
    }

    static String mask(String text, Context context) {
        if (context == null) {
            return text;
        }
        String masked = text;
        for (Secrets secrets : context.all(Secrets.class)) {
            masked = secrets.mask(masked);
        }
        return masked;
    }

    private String mask(String text) {
        String masked = text;
        for (String value : values.stream().sorted(Comparator.comparing(String::length).reversed()).toList()) {
            masked = masked.replace(value, MASK);
        }
        return masked;
    }
}
