package org.jenkinsml.harness;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The language of node labels: names with {@code !}, {@code &&}, {@code ||}, {@code ->}, {@code <->} and parentheses. */
final class LabelExpression {

    private static final Pattern TOKEN = Pattern.compile(
            "\\s*(&&|\\|\\||<->|->|!|\\(|\\)|\"(?:[^\"\\\\]|\\\\.)*\"|[^\\s&|!()<>\"]+)");

    private final List<String> tokens = new ArrayList<>();
    private final Set<String> labels;
    private int position;

    private LabelExpression(String expression, Set<String> labels) {
        this.labels = labels;
        Matcher matcher = TOKEN.matcher(expression);
        while (matcher.lookingAt()) {
            tokens.add(matcher.group(1));
            matcher.region(matcher.end(), expression.length());
        }
    }

    /** Whether a node with these labels is meant; no label means any node. */
    static boolean matches(String expression, Set<String> labels) {
        if (expression == null || expression.isBlank()) {
            return true;
        }
        return new LabelExpression(expression.strip(), labels).equivalence();
    }

    private boolean equivalence() {
        boolean left = implication();
        while (take("<->")) {
            left = left == implication();
        }
        return left;
    }

    private boolean implication() {
        boolean left = either();
        while (take("->")) {
            boolean right = either();
            left = !left || right;
        }
        return left;
    }

    private boolean either() {
        boolean left = both();
        while (take("||")) {
            left |= both();
        }
        return left;
    }

    private boolean both() {
        boolean left = not();
        while (take("&&")) {
            left &= not();
        }
        return left;
    }

    private boolean not() {
        if (take("!")) {
            return !not();
        }
        if (take("(")) {
            boolean inner = equivalence();
            take(")");
            return inner;
        }
        return position < tokens.size() && labels.contains(name(tokens.get(position++)));
    }

    /** A name as it is meant: one in quotes may hold any character, with a backslash before a quote or a backslash. */
    private static String name(String token) {
        return token.startsWith("\"") ? token.substring(1, token.length() - 1).replaceAll("\\\\(.)", "$1") : token;
    }

    private boolean take(String token) {
        if (position < tokens.size() && tokens.get(position).equals(token)) {
            position++;
            return true;
        }
        return false;
    }
}
