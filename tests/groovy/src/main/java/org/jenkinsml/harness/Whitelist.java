package org.jenkinsml.harness;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurper;
import groovy.lang.Closure;
import groovy.lang.GString;
import groovy.lang.MetaClass;
import groovy.lang.Range;
import groovy.lang.Script;
import hudson.AbortException;
import hudson.model.Result;
import java.io.Reader;
import java.io.Writer;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URL;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.text.Format;
import java.util.Arrays;
import java.util.Base64;
import java.util.Calendar;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TimeZone;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.codehaus.groovy.runtime.GStringImpl;
import org.codehaus.groovy.runtime.InvokerHelper;
import org.codehaus.groovy.runtime.ScriptBytecodeAdapter;
import org.codehaus.groovy.transform.ImmutableASTTransformation;
import org.jenkinsml.harness.globals.Global;
import org.jenkinsml.harness.globals.Value;
import org.kohsuke.groovy.sandbox.impl.Checker;

/**
 * What a sandboxed script may use: values and collections, what it defines itself and what the server gives it. By
 * class rather than by signature, unlike the server's list, which this one follows in spirit.
 */
final class Whitelist {

    private static final List<Class<?>> VALUES = List.of(CharSequence.class, GString.class, Number.class, Boolean.class,
            Character.class, Collection.class, Map.class, Map.Entry.class, Iterator.class, Date.class, Calendar.class,
            Pattern.class, MatchResult.class, UUID.class, Range.class, Closure.class, Enum.class, StringBuilder.class,
            StringBuffer.class, Random.class, Locale.class, TimeZone.class, Format.class, Reader.class, Writer.class,
            JsonSlurper.class, Charset.class, Base64.Encoder.class, Base64.Decoder.class, Global.class, Value.class,
            Described.class);

    private static final Set<Class<?>> STATICS = Set.of(Math.class, String.class, Integer.class, Long.class,
            Double.class, Float.class, Short.class, Byte.class, Boolean.class, Character.class, UUID.class,
            Collections.class, Arrays.class, Objects.class, JsonOutput.class, Pattern.class, URLEncoder.class,
            URLDecoder.class, Date.class, Calendar.class, TimeUnit.class, Locale.class, TimeZone.class,
            BigDecimal.class, BigInteger.class, Base64.class, Charset.class, StandardCharsets.class, Result.class,
            Closure.class, List.class, Map.class, Set.class);

    private static final Set<Class<?>> CONSTRUCTORS = Set.of(Object.class, Enum.class, JenkinsScript.class,
            String.class, GStringImpl.class,
            StringBuilder.class,
            StringBuffer.class, Boolean.class, BigDecimal.class, BigInteger.class, URL.class, JsonSlurper.class,
            java.io.StringReader.class, java.io.StringWriter.class, java.io.PrintWriter.class,
            java.text.SimpleDateFormat.class, java.text.DecimalFormat.class);

    private static final Set<String> SYSTEM = Set.of("currentTimeMillis", "identityHashCode", "nanoTime");
    private static final Set<String> OBJECT = Set.of("getClass", "equals", "hashCode", "toString", "is", "asBoolean",
            "asType", "with", "each", "collect", "inspect", "find", "findAll", "every", "any", "getAt", "compareTo");
    private static final Set<String> THROWABLE = Set.of("getMessage", "getCause", "printStackTrace", "toString");
    private static final Set<String> CLASS = Set.of("getName", "getSimpleName", "isInstance", "equals", "hashCode",
            "toString", "isCase", "is", "asBoolean", "getCanonicalName");
    private static final Set<String> NEVER = Set.of("execute", "getMetaClass", "setMetaClass", "metaClass",
            "invokeMethod", "getRawBuild", "rawBuild", "addShutdownHook", "mixin", "toURL", "toFile");

    private final Predicate<Class<?>> ownClass;

    /** {@code ownClass} tells the classes that scripts define. */
    Whitelist(Predicate<Class<?>> ownClass) {
        this.ownClass = ownClass;
    }

    boolean permitsMethod(Object receiver, String method, Object[] arguments) {
        if (receiver == null) {
            return true;
        }
        if (receiver instanceof Class<?> type) {
            return CLASS.contains(method) || permitsStatic(type, method);
        }
        if (method.equals("invokeMethod") && arguments.length == 2 && arguments[0] instanceof String called) {
            return (receiver instanceof Script || receiver instanceof Global) && !NEVER.contains(called);
        }
        return permits(receiver, method) || isMissing(receiver, method, arguments);
    }

    private boolean permits(Object receiver, String method) {
        if (NEVER.contains(method)) {
            return receiver instanceof Map && !method.equals("getMetaClass");
        }
        Class<?> type = receiver.getClass();
        if (receiver instanceof Throwable && !ownClass.test(type)) {
            return THROWABLE.contains(method) || OBJECT.contains(method);
        }
        return isValue(receiver) || OBJECT.contains(method);
    }

    private boolean isValue(Object receiver) {
        Class<?> type = receiver.getClass();
        return receiver instanceof Script || ownClass.test(type) || type.isArray()
                || type.getPackage() == Checker.class.getPackage()
                || type.getName().startsWith("java.time.") || VALUES.stream().anyMatch(value -> value.isInstance(receiver));
    }

    /** What does not exist is not forbidden: the script fails otherwise. */
    private static boolean isMissing(Object receiver, String method, Object[] arguments) {
        MetaClass metaClass = InvokerHelper.getMetaClass(receiver);
        return metaClass.respondsTo(receiver, method, arguments).isEmpty()
                && metaClass.respondsTo(receiver, method).isEmpty();
    }

    boolean permitsStatic(Class<?> type, String method) {
        if (NEVER.contains(method)) {
            return false;
        }
        if (type == ScriptBytecodeAdapter.class || type == Checker.class || type == ImmutableASTTransformation.class) { // what code itself is compiled to
            return true;
        }
        return type == System.class ? SYSTEM.contains(method)
                : ownClass.test(type) || STATICS.contains(type) || type.getName().startsWith("java.time.")
                || type.isEnum() || InvokerHelper.getMetaClass(type).respondsTo(type, method).isEmpty();
    }

    boolean permitsNew(Class<?> type, Object[] arguments) {
        if (type == Exception.class || type == AbortException.class) {
            return arguments.length == 1 && arguments[0] instanceof CharSequence;
        }
        return ownClass.test(type) || CONSTRUCTORS.contains(type)
                || type.getPackage() != null && type.getPackage().getName().equals("java.util")
                && (Collection.class.isAssignableFrom(type) || Map.class.isAssignableFrom(type)
                || Date.class == type || Random.class == type || Calendar.class.isAssignableFrom(type)
                || Locale.class == type || UUID.class == type);
    }

    boolean permitsProperty(Object receiver, String property) {
        if (receiver == null || property.equals("class")) {
            return true;
        }
        if (receiver instanceof Class<?> type) {
            return permitsStaticProperty(type, property);
        }
        if (receiver instanceof Map || receiver instanceof Script || ownClass.test(receiver.getClass())) {
            return !property.equals("metaClass");
        }
        String capital = property.isEmpty() ? property : Character.toUpperCase(property.charAt(0)) + property.substring(1);
        boolean exists = InvokerHelper.getMetaClass(receiver).hasProperty(receiver, property) != null;
        return !NEVER.contains(property) && (!exists || permits(receiver, "get" + capital));
    }

    private boolean permitsStaticProperty(Class<?> type, String property) {
        if (NEVER.contains(property)) {
            return false;
        }
        return CLASS.contains("get" + Character.toUpperCase(property.charAt(0)) + property.substring(1))
                || STATICS.contains(type) || ownClass.test(type)
                || type.getName().startsWith("java.time.") || type.isEnum();
    }

    boolean permitsSetting(Object receiver, String property) {
        return !property.equals("metaClass") && (receiver == null || receiver instanceof Script
                || receiver instanceof Map || receiver instanceof Global || receiver instanceof Closure
                || ownClass.test(receiver instanceof Class<?> type ? type : receiver.getClass()));
    }
}
