package pocketavatar

import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import java.nio.FloatBuffer

/** A component with the tensors of its boundary. */
internal class Call(
    private val component: Component,
    private val models: Models,
    buffers: Buffers,
) {
    private val inputs = component.inputs.associate { it.name to buffers.tensor(it) }
    private val outputs = component.outputs.associate { it.name to buffers.tensor(it) }

    /** The only output's elements. */
    val output: FloatBuffer get() = outputs.values.single().floats

    fun floats(input: String): FloatBuffer = inputs.getValue(input).floats

    fun set(input: String, number: Int) {
        inputs.getValue(input).ints.put(0, number)
    }

    /** One network call, unless the coroutine was cancelled. */
    suspend fun run() {
        currentCoroutineContext().ensureActive()
        models.run(component.name, inputs, outputs)
    }
}
