package org.jenkinsml.harness;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The cells of a matrix: one stage for each combination of the values of its axes that is not excluded. */
public final class Matrix {

    private static final List<String> STRUCTURE = List.of("axes", "excludes");

    private Matrix() {
    }

    /** The stages of the cells, the values of the first axis changing fastest. */
    public static List<Map<String, Object>> cells(Map<String, Object> matrix) {
        List<Map<String, String>> combinations = new ArrayList<>(List.of(Map.of()));
        for (Object item : Json.asList(matrix.get("axes"))) {
            Map<String, Object> axis = Json.asObject(item);
            List<Map<String, String>> longer = new ArrayList<>();
            for (Object value : Json.asList(axis.get("values"))) {
                for (Map<String, String> combination : combinations) {
                    Map<String, String> cell = new LinkedHashMap<>(combination);
                    cell.put((String) axis.get("name"), String.valueOf(value));
                    longer.add(cell);
                }
            }
            combinations = longer;
        }
        List<Object> excludes = Json.asList(matrix.get("excludes"));
        return combinations.stream()
                .filter(cell -> excludes.stream().noneMatch(exclude -> isExcluded(cell, Json.asList(exclude))))
                .map(cell -> stage(matrix, cell)).toList();
    }

    private static boolean isExcluded(Map<String, String> cell, List<Object> axes) {
        return axes.stream().map(Json::asObject).allMatch(axis ->
                Json.asStrings(axis.get("values")).contains(cell.get((String) axis.get("name")))
                        != Boolean.TRUE.equals(axis.get("negated")));
    }

    private static Map<String, Object> stage(Map<String, Object> matrix, Map<String, String> cell) {
        Map<String, Object> stage = new LinkedHashMap<>(matrix);
        STRUCTURE.forEach(stage::remove);
        stage.put("name", cell.entrySet().stream().map(axis -> axis.getKey() + " = '" + axis.getValue() + "'")
                .collect(Collectors.joining(", ", "Matrix - ", "")));
        stage.put("cell", new ArrayList<>(cell.entrySet().stream()
                .map(axis -> axis.getKey() + "=" + axis.getValue()).toList()));
        return stage;
    }
}
