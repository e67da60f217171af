package org.jenkinsml.harness;

import java.io.Serializable;
import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A Groovy category: a loop over a collection may be interrupted by a step, so its iterator must be savable. */
public final class SerializableIterators {

    private SerializableIterators() {
    }

    public static <E> Iterator<E> iterator(List<E> list) {
        return new Cursor<>(list);
    }

    public static <E> Iterator<E> iterator(Set<E> set) {
        return new Cursor<>(set);
    }

    public static <K, V> Iterator<Map.Entry<K, V>> iterator(Map<K, V> map) {
        return new Cursor<>(entrySet(map));
    }

    public static <K, V> Set<Map.Entry<K, V>> entrySet(Map<K, V> map) {
        Set<Map.Entry<K, V>> entries = new LinkedHashSet<>();
        map.forEach((key, value) -> entries.add(new AbstractMap.SimpleImmutableEntry<>(key, value)));
        return entries;
    }

    public static <K, V> Set<K> keySet(Map<K, V> map) {
        return new LinkedHashSet<>(map.keySet());
    }

    public static <K, V> Collection<V> values(Map<K, V> map) {
        return new ArrayList<>(map.values());
    }

    private static final class Cursor<E> implements Iterator<E>, Serializable {
        private static final long serialVersionUID = 1;
        private final ArrayList<E> elements;
        private int next;

        Cursor(Collection<E> collection) {
            elements = new ArrayList<>(collection);
        }

        @Override
        public boolean hasNext() {
            return next < elements.size();
        }

        @Override
        public E next() {
            return elements.get(next++);
        }
    }
}
