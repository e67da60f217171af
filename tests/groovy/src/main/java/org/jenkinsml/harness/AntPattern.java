package org.jenkinsml.harness;

import java.util.regex.Pattern;

/** Ant's patterns of paths: {@code *} within a part, {@code **} across parts, {@code ?} for one character. */
public final class AntPattern {

    private AntPattern() {
    }

    public static boolean matches(String pattern, String path) {
        return compile(pattern, true).matcher(path.replace('\\', '/')).matches();
    }

    public static Pattern compile(String pattern, boolean caseSensitive) {
        String normal = pattern.strip().replace('\\', '/');
        if (normal.endsWith("/")) {
            normal += "**";
        }
        StringBuilder regex = new StringBuilder();
        for (int i = 0; i < normal.length(); i++) {
            if (normal.startsWith("**/", i) && isStart(normal, i)) {
                regex.append("(?:.*/)?");
                i += 2;
            } else if (normal.startsWith("/**", i) && i + 3 == normal.length()) {
                regex.append("(?:/.*)?");
                i += 2;
            } else if (normal.startsWith("**", i) && isStart(normal, i) && i + 2 == normal.length()) {
                regex.append(".*");
                i += 1;
            } else if (normal.charAt(i) == '*') {
                regex.append("[^/]*");
            } else if (normal.charAt(i) == '?') {
                regex.append("[^/]");
            } else {
                regex.append(Pattern.quote(normal.substring(i, i + 1)));
            }
        }
        return Pattern.compile(regex.toString(), caseSensitive ? 0 : Pattern.CASE_INSENSITIVE);
    }

    private static boolean isStart(String pattern, int index) {
        return index == 0 || pattern.charAt(index - 1) == '/';
    }
}
