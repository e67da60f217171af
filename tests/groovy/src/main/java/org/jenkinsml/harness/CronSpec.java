package org.jenkinsml.harness;

import java.util.List;
import java.util.regex.Pattern;

/** Checks the times of {@code cron} and {@code pollSCM}. */
final class CronSpec {

    private static final Pattern ALIAS =
            Pattern.compile("@(yearly|annually|monthly|weekly|daily|midnight|hourly)");
    private static final Pattern PART =
            Pattern.compile("(?:\\*|H(?:\\((\\d+)-(\\d+)\\))?|(\\d+)(?:-(\\d+))?)(?:/(\\d+))?");
    private static final List<int[]> RANGES =
            List.of(new int[] {0, 59}, new int[] {0, 23}, new int[] {1, 31}, new int[] {1, 12}, new int[] {0, 7});

    private CronSpec() {
    }

    static void check(String spec) {
        spec.lines().map(String::strip)
                .filter(line -> !line.isEmpty() && !line.startsWith("#") && !line.startsWith("TZ="))
                .filter(line -> !isTime(line))
                .findFirst().ifPresent(line -> {
                    throw new IllegalArgumentException("Invalid input: \"" + line + "\"");
                });
    }

    private static boolean isTime(String line) {
        if (ALIAS.matcher(line).matches()) {
            return true;
        }
        String[] fields = line.split("\\s+");
        if (fields.length != RANGES.size()) {
            return false;
        }
        for (int i = 0; i < fields.length; i++) {
            for (String part : fields[i].split(",", -1)) {
                if (!isPart(part, RANGES.get(i))) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean isPart(String part, int[] range) {
        var matcher = PART.matcher(part);
        if (!matcher.matches()) {
            return false;
        }
        for (int group = 1; group <= 4; group++) {
            String number = matcher.group(group);
            if (number != null && (number.length() > 4 || Integer.parseInt(number) < range[0]
                    || Integer.parseInt(number) > range[1])) {
                return false;
            }
        }
        return true;
    }
}
