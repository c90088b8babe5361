package pocketavatar

import java.nio.FloatBuffer

/**
 * Draws test pictures without a model, in milliseconds, for an app's tests and previews: the same
 * selfies, style and seed give the same picture, others another one.
 */
public class FakeBackend(
    /**
     * Called before each call of a component, with its name. What it throws the run meets, so tests
     * can make any call fail; or it may sleep, to show progress.
     */
    private val onCall: (component: String) -> Unit = {},
) : Backend {
    override fun load(component: Component, model: ModelReader): Network = FakeNetwork(component.name, onCall)
}

private class FakeNetwork(
    private val component: String,
    private val onCall: (String) -> Unit,
) : Network {
    override fun run(inputs: Map<String, Tensor>, outputs: Map<String, Tensor>) {
        onCall(component)
        val mixed = inputs.values.fold(0.5f) { sum, tensor -> fraction(sum + momentOf(tensor)) }
        for (tensor in outputs.values) fill(tensor.floats, mixed)
    }

    override fun close() {}

    private fun momentOf(tensor: Tensor): Float =
        when (tensor.spec.type) {
            ElementType.INT32 -> 0.37f * tensor.ints[0]
            ElementType.FLOAT32 -> momentOf(tensor.floats)
        }

    private fun momentOf(values: FloatBuffer): Float {
        var sum = 0.0
        for (i in 0 until values.capacity()) sum += values[i] * (i + 1.0) / values.capacity()
        return (sum / values.capacity() * 7).toFloat()
    }

    /** A ramp from 0 to 1 that starts at [from] and comes round again, so pictures are not flat. */
    private fun fill(values: FloatBuffer, from: Float) {
        val count = values.capacity()
        for (i in 0 until count) values.put(i, fraction(from + i.toFloat() / count))
    }

    private fun fraction(value: Float): Float = value - kotlin.math.floor(value)
}
