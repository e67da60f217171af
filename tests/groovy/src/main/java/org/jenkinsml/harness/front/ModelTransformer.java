package org.jenkinsml.harness.front;

import static org.codehaus.groovy.ast.tools.GeneralUtils.args;
import static org.codehaus.groovy.ast.tools.GeneralUtils.block;
import static org.codehaus.groovy.ast.tools.GeneralUtils.closureX;
import static org.codehaus.groovy.ast.tools.GeneralUtils.constX;
import static org.codehaus.groovy.ast.tools.GeneralUtils.returnS;

import java.util.Collection;
import java.util.function.Function;
import org.codehaus.groovy.ast.VariableScope;
import org.codehaus.groovy.ast.expr.ClosureExpression;
import org.codehaus.groovy.ast.expr.ConstantExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.ListExpression;
import org.codehaus.groovy.ast.expr.MapExpression;
import org.codehaus.groovy.ast.expr.MethodCallExpression;
import org.codehaus.groovy.ast.stmt.Statement;

/**
 * Turns {@code pipeline { .. }} into the call {@code declarative(map)}: the structure becomes a map, whatever is Groovy
 * in it a closure that the runtime calls when the value is wanted.
 */
final class ModelTransformer {

    private static final String RUNTIME_METHOD = "declarative";

    private ModelTransformer() {
    }

    static void transform(Model.Pipeline pipeline) {
        MapBuilder root = new MapBuilder();
        root.put("agent", agent(pipeline.agent));
        root.put("environment", environment(pipeline.environment));
        root.put("options", calls(pipeline.options));
        root.put("parameters", calls(pipeline.parameters));
        root.put("triggers", calls(pipeline.triggers));
        root.put("tools", tools(pipeline.tools));
        if (pipeline.libraries != null) {
            root.put("libraries", list(pipeline.libraries.identifiers, id -> closure((Expression) id.at())));
        }
        root.put("stages", stages(pipeline.stages));
        root.put("post", post(pipeline.post));
        pipeline.call.setMethod(new ConstantExpression(RUNTIME_METHOD));
        pipeline.call.setArguments(args(root.map));
    }

    /** Builds a map expression, leaving out what is not there. */
    private static final class MapBuilder {
        final MapExpression map = new MapExpression();

        MapBuilder put(String key, Expression value) {
            if (value != null) {
                map.addMapEntryExpression(constX(key), value);
            }
            return this;
        }
    }

    private static <T> ListExpression list(Collection<T> items, Function<T, Expression> transform) {
        ListExpression list = new ListExpression();
        items.forEach(item -> list.addExpression(transform.apply(item)));
        return list;
    }

    private static ClosureExpression closure(Expression value) {
        ClosureExpression closure = closureX(block(returnS(value)));
        closure.setVariableScope(new VariableScope());
        closure.setSourcePosition(value);
        return closure;
    }

    private static Expression stages(Model.Stages stages) {
        return stages == null ? null : list(stages.stages, ModelTransformer::stage);
    }

    private static Expression stage(Model.Stage stage) {
        MapBuilder map = new MapBuilder().put("name", constX(stage.name));
        sections(map, stage);
        map.put("steps", stage.steps);
        map.put("parallel", stages(stage.parallel));
        map.put("matrix", matrix(stage.matrix));
        map.put("failFast", constX(Boolean.TRUE.equals(stage.failFast)));
        return map.map;
    }

    private static Expression matrix(Model.Matrix matrix) {
        if (matrix == null) {
            return null;
        }
        MapBuilder map = new MapBuilder().put("axes", axes(matrix.axes));
        if (matrix.excludes != null) {
            map.put("excludes", list(matrix.excludes.excludes, ModelTransformer::axes));
        }
        sections(map, matrix);
        return map.map;
    }

    private static Expression axes(Model.Axes axes) {
        return list(axes.axes, axis -> new MapBuilder()
                .put("name", constX(axis.name.text()))
                .put("values", list(axis.values, value -> constX(((Model.Value) value).value())))
                .put("negated", constX(axis.negated)).map);
    }

    private static void sections(MapBuilder map, Model.StageSections owner) {
        map.put("agent", agent(owner.agent));
        map.put("environment", environment(owner.environment));
        map.put("options", calls(owner.options));
        map.put("tools", tools(owner.tools));
        map.put("when", when(owner.when));
        map.put("input", input(owner.input));
        map.put("post", post(owner.post));
        map.put("stages", stages(owner.stages));
    }

    private static Expression agent(Model.Agent agent) {
        if (agent == null) {
            return null;
        }
        return new MapBuilder().put("type", constX(agent.type.text()))
                .put("args", agent.argument == null ? null : closure(settings(agent.argument))).map;
    }

    /** A block of settings as a map; nested blocks as well. */
    private static Expression settings(Expression value) {
        if (!(value instanceof ClosureExpression body)) {
            return value;
        }
        MapBuilder map = new MapBuilder();
        for (Statement statement : Ast.statements(body.getCode())) {
            MethodCallExpression call = Ast.call(statement);
            map.put(call.getMethodAsString(), settings(Ast.arguments(call).get(0)));
        }
        return map.map;
    }

    private static Expression environment(Model.Environment environment) {
        return environment == null ? null : list(environment.values.entrySet(), variable -> new MapBuilder()
                .put("name", constX(variable.getKey())).put("value", closure(variable.getValue())).map);
    }

    private static Expression tools(Model.Tools tools) {
        return tools == null ? null : list(tools.names.entrySet(), tool -> new MapBuilder()
                .put("type", constX(tool.getKey())).put("name", closure((Expression) tool.getValue().at())).map);
    }

    private static Expression calls(Model.Calls calls) {
        return calls == null ? null : calls(calls.calls);
    }

    private static Expression calls(Collection<Model.Call> calls) {
        return list(calls, call -> new MapBuilder()
                .put("name", constX(call.name)).put("args", arguments(call.call)).map);
    }

    /** A closure that gives the list of the arguments, named ones as one map. */
    private static Expression arguments(MethodCallExpression call) {
        ListExpression list = new ListExpression();
        for (Expression argument : Ast.arguments(call)) {
            list.addExpression(argument instanceof MapExpression map
                    ? new MapExpression(map.getMapEntryExpressions()) : argument);
        }
        list.setSourcePosition(call);
        return closure(list);
    }

    private static Expression input(Model.Input input) {
        if (input == null) {
            return null;
        }
        MapBuilder map = new MapBuilder();
        input.fields.forEach((name, value) -> map.put(name, (Expression) value.at()));
        if (!input.parameters.isEmpty()) {
            map.put("parameters", calls(input.parameters));
        }
        return closure(map.map);
    }

    private static Expression when(Model.When when) {
        if (when == null) {
            return null;
        }
        MapBuilder map = new MapBuilder().put("conditions", list(when.conditions, ModelTransformer::condition));
        when.before.forEach((name, value) -> map.put(name, constX(value)));
        return map.map;
    }

    private static Expression condition(Model.WhenContent content) {
        if (content instanceof Model.CodeBlock expression) {
            return new MapBuilder().put("name", constX(expression.name())).put("body", expression.body()).map;
        }
        Model.Condition condition = (Model.Condition) content;
        MapBuilder map = new MapBuilder().put("name", constX(condition.name));
        if (condition.children.isEmpty()) {
            map.put("args", arguments(condition.call));
        } else {
            map.put("children", list(condition.children, ModelTransformer::condition));
        }
        return map.map;
    }

    private static Expression post(Model.Post post) {
        return post == null ? null : list(post.conditions, condition -> new MapBuilder()
                .put("condition", constX(condition.condition())).put("body", condition.body()).map);
    }
}
