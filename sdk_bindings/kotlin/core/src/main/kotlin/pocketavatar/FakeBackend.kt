package pocketavatar

import java.nio.FloatBuffer

/**
 * Draws test pictures without a model, in milliseconds, for an app's tests and previews.
 *
 * The same selfies, style and seed give the same picture, and others give another one. The picture is
 * a gradient and shows no person.
 */
public class FakeBackend(
    /**
     * The studio calls it before each network call, with the name of the component. It can sleep, to
     * show progress, or throw, to test a failure.
     */
    private val onCall: (component: String) -> Unit = {},
) : Backend {
    override fun load(component: Component, model: ModelReader): Runner = FakeRunner(component.name, onCall)
}

private class FakeRunner(
    private val component: String,
    private val onCall: (String) -> Unit,
) : Runner {
    override fun run(inputs: Map<String, Tensor>, outputs: Map<String, Tensor>) {
        onCall(component)
        val mixed = inputs.values.fold(0.5f) { sum, tensor -> fraction(sum + momentOf(tensor)) }
        for (tensor in outputs.values) fill(tensor.floats, mixed)
    }

    override fun close() {}

    private fun momentOf(tensor: Tensor): Float =
        when (tensor.spec.elementType) {
            ElementType.INT32 -> 0.37f * tensor.ints[0]
            ElementType.FLOAT32 -> momentOf(tensor.floats)
        }

    private fun momentOf(values: FloatBuffer): Float {
        var sum = 0.0
        for (i in 0 until values.capacity()) sum += values[i] * (i + 1.0) / values.capacity()
        return (sum / values.capacity() * 7).toFloat()
    }

    /** Fills [values] with a ramp that starts at [from] and wraps at 1, so that pictures are not flat. */
    private fun fill(values: FloatBuffer, from: Float) {
        val count = values.capacity()
        for (i in 0 until count) values.put(i, fraction(from + i.toFloat() / count))
    }

    private fun fraction(value: Float): Float = value - kotlin.math.floor(value)
}
