package org.jenkinsml.harness.front;

import java.lang.reflect.Modifier;
import java.util.List;
import org.codehaus.groovy.ast.ClassHelper;
import org.codehaus.groovy.ast.ClassNode;
import org.codehaus.groovy.control.ClassNodeResolver;
import org.codehaus.groovy.control.CompilationUnit;

/**
 * Lets a Jenkinsfile name classes that only the server has, so that they are no compile errors where nothing is run.
 * In the packages that every Jenkinsfile imports as a whole only known names count, else any word would be a class.
 */
final class ServerClasses extends ClassNodeResolver {

    static final String LIBRARY_ANNOTATION = "org.jenkinsci.plugins.workflow.libs.Library";
    static final List<String> STAR_IMPORTS = List.of("com.cloudbees.groovy.cps", "hudson.model", "jenkins.model");

    /** The packages of Jenkins, its plugins and the libraries that come with them. */
    private static final List<String> SERVER_PACKAGES = List.of("hudson.", "jenkins.", "org.jenkinsci.", "org.jenkins.",
            "com.cloudbees.plugins.", "com.cloudbees.jenkins.", "org.kohsuke.", "io.jenkins.", "net.sf.json.",
            "org.apache.commons.", "org.apache.tools.", "com.google.common.", "com.thoughtworks.xstream.");

    private static final int ACC_ANNOTATION = 0x2000; // of the class file format
    private static final int ANNOTATION_TYPE =
            Modifier.PUBLIC | Modifier.INTERFACE | Modifier.ABSTRACT | ACC_ANNOTATION;

    private final Catalog catalog;

    ServerClasses(Catalog catalog) {
        this.catalog = catalog;
    }

    @Override
    public LookupResult findClassNode(String name, CompilationUnit unit) {
        LookupResult found = super.findClassNode(name, unit);
        if (found != null || !isServerClass(name)) {
            return found;
        }
        int modifiers = name.equals(LIBRARY_ANNOTATION) ? ANNOTATION_TYPE : Modifier.PUBLIC;
        return new LookupResult(null, new ClassNode(name, modifiers, ClassHelper.OBJECT_TYPE));
    }

    private boolean isServerClass(String name) {
        int dot = name.lastIndexOf('.');
        if (dot < 0 || SERVER_PACKAGES.stream().noneMatch(name::startsWith)) {
            return false;
        }
        if (STAR_IMPORTS.stream().anyMatch(star -> name.startsWith(star + "."))) {
            return catalog.knowsClass(name);
        }
        String packageName = name.substring(0, dot);
        return Character.isUpperCase(name.charAt(dot + 1)) && packageName.equals(packageName.toLowerCase());
    }
}
