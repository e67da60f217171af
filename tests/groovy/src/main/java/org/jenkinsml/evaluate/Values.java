package org.jenkinsml.evaluate;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/** Groovy's values as what JSON knows. */
final class Values {

    private Values() {
    }

    static Object plain(Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> plain = new LinkedHashMap<>();
            map.forEach((key, each) -> plain.put(String.valueOf(key), plain(each)));
            return plain;
        }
        if (value instanceof Collection<?> collection) {
            return collection.stream().map(Values::plain).toList();
        }
        return value == null || value instanceof Boolean || value instanceof Number ? value : value.toString();
    }
}
