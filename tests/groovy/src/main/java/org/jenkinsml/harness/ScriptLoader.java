package org.jenkinsml.harness;

import groovy.lang.Binding;
import groovy.lang.GroovyClassLoader;
import groovy.lang.GroovyCodeSource;
import groovy.lang.Script;
import java.net.MalformedURLException;
import java.nio.file.Path;
import java.util.Set;
import org.codehaus.groovy.control.CompilerConfiguration;
import org.codehaus.groovy.control.customizers.ImportCustomizer;
import org.codehaus.groovy.runtime.InvokerHelper;
import org.jenkinsci.plugins.workflow.libs.Library;
import org.jenkinsml.harness.front.DeclarativeFront;

/** Compiles what a build runs: imports, the declarative front, the sandbox and the CPS transformation, in this order. */
final class ScriptLoader {

    private static final String MAIN = "WorkflowScript";

    private final Build build;
    private final GroovyClassLoader classes;
    private int count;

    ScriptLoader(Build build) {
        this.build = build;
        this.classes = new GroovyClassLoader(ScriptLoader.class.getClassLoader(), configuration());
    }

    private CompilerConfiguration configuration() {
        ImportCustomizer imports = new ImportCustomizer();
        imports.addStarImports("com.cloudbees.groovy.cps", "hudson.model", "jenkins.model");
        imports.addImports(Library.class.getName());
        CompilerConfiguration configuration = new CompilerConfiguration();
        configuration.setScriptBaseClass(JenkinsScript.class.getName());
        configuration.addCompilationCustomizers(imports, build.libraries().annotationReader(),
                DeclarativeFront.transformer(build.catalog()), new SandboxCpsTransformer());
        configuration.setDisabledGlobalASTTransformations(Set.of("groovy.grape.GrabAnnotationTransformation"));
        return configuration;
    }

    /** The Jenkinsfile itself. */
    Script main(String source) {
        return create(source, MAIN, new JenkinsScript.BuildBinding(build));
    }

    /** A further script with variables of its own or those of another script. */
    Script parse(String source, String name, Binding binding) {
        return create(source, name == null ? "Script" + ++count : name,
                binding == null ? new JenkinsScript.BuildBinding(build) : binding);
    }

    private Script create(String source, String name, Binding binding) {
        Class<?> type = classes.parseClass(new GroovyCodeSource(source, name, "/groovy/shell"), false);
        return InvokerHelper.createScript(type, binding);
    }

    /** Lets scripts use the classes of a library. */
    void addClasses(Path folder) {
        try {
            classes.addURL(folder.toUri().toURL());
        } catch (MalformedURLException e) {
            throw new IllegalArgumentException(e);
        }
    }

    boolean loaded(Class<?> type) {
        return type.getClassLoader() instanceof GroovyClassLoader.InnerLoader;
    }
}
