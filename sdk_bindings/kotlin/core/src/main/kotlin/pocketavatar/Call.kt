package pocketavatar

import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import java.nio.FloatBuffer

/** A component together with its input and output tensors. */
internal class Call(
    private val component: Component,
    private val runners: Runners,
    buffers: Buffers,
) {
    private val inputs = component.inputs.associate { it.name to buffers.tensor(it) }
    private val outputs = component.outputs.associate { it.name to buffers.tensor(it) }

    /** The elements of the only output. */
    val output: FloatBuffer get() = outputs.values.single().floats

    fun floats(input: String): FloatBuffer = inputs.getValue(input).floats

    fun set(input: String, number: Int) {
        inputs.getValue(input).ints.put(0, number)
    }

    /** Makes one network call. Throws `CancellationException` if the coroutine was cancelled. */
    suspend fun run() {
        currentCoroutineContext().ensureActive()
        runners.run(component.name, inputs, outputs)
    }
}
