package org.jenkinsml.harness;

import com.cloudbees.groovy.cps.CpsTransformer;
import com.cloudbees.groovy.cps.TransformerConfiguration;
import groovy.lang.GroovyClassLoader;
import groovy.lang.GroovyCodeSource;
import groovy.lang.GroovyObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.codehaus.groovy.control.CompilerConfiguration;
import org.codehaus.groovy.runtime.InvokerHelper;

/** The part of the runtime that is Groovy: CPS-transformed, since the blocks of a script run inside it. */
final class RuntimeClasses {

    private static final GroovyClassLoader LOADER = loader();
    private static final Map<String, Class<?>> CLASSES = new ConcurrentHashMap<>();
    private static final Set<String> BLOCK_STEPS = blockSteps();

    private RuntimeClasses() {
    }

    private static GroovyClassLoader loader() {
        CpsTransformer cps = new CpsTransformer();
        cps.setConfiguration(new TransformerConfiguration());
        CompilerConfiguration configuration = new CompilerConfiguration();
        configuration.addCompilationCustomizers(cps);
        return new GroovyClassLoader(RuntimeClasses.class.getClassLoader(), configuration);
    }

    static GroovyObject create(String name, Host host) {
        return (GroovyObject) InvokerHelper.invokeConstructorOf(load(name), host);
    }

    /** Whether it is a step written in Groovy; the methods of the class that take arguments and a body are these. */
    static boolean hasBlockStep(String name) {
        return BLOCK_STEPS.contains(name);
    }

    private static Set<String> blockSteps() {
        return Stream.of(load("BlockSteps").getDeclaredMethods())
                .filter(method -> Modifier.isPublic(method.getModifiers()) && !method.isSynthetic())
                .map(method -> method.getName())
                .filter(name -> !name.contains("$"))
                .collect(Collectors.toUnmodifiableSet());
    }

    private static Class<?> load(String name) {
        return CLASSES.computeIfAbsent(name, RuntimeClasses::compile);
    }

    private static Class<?> compile(String name) {
        String path = "/org/jenkinsml/harness/" + name + ".groovy";
        try (InputStream in = RuntimeClasses.class.getResourceAsStream(path)) {
            String source = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return LOADER.parseClass(new GroovyCodeSource(source, name + ".groovy", "/groovy/shell"), false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
