package pocketavatar

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtLoggingLevel
import ai.onnxruntime.OrtSession
import java.nio.ByteBuffer

/**
 * Runs `.onnx` and `.ort` models with ONNX Runtime, through its Java API and on the CPU. Apps use the
 * package `onnxruntime-android`, and a JVM uses `onnxruntime`.
 *
 * ONNX Runtime logs errors only, and keeps no memory of a call for the next one.
 */
public class OnnxRuntimeBackend(
    /** The number of threads that one call may use. With 0 ONNX Runtime chooses. */
    private val threads: Int = 0,
    /** Changes the options of each session last, for example `{ addXnnpack(emptyMap()) }`. */
    private val configure: OrtSession.SessionOptions.() -> Unit = {},
) : Backend {
    override fun load(component: Component, model: ModelReader): Runner {
        val environment = OrtEnvironment.getEnvironment().apply { setTelemetry(false) }
        return options().use { options ->
            asOutOfMemory(component.name) {
                // From a file ONNX Runtime reads what it needs, so the model is not in memory twice.
                val file = model.file()
                val session =
                    if (file == null) {
                        environment.createSession(model.read(), options)
                    } else {
                        environment.createSession(file.path, options)
                    }
                OnnxRuntimeRunner(environment, session, component.name)
            }
        }
    }

    private fun options() =
        OrtSession.SessionOptions().apply {
            setIntraOpNumThreads(threads)
            setInterOpNumThreads(1)
            setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR)
            // An arena would keep the intermediate results of a call until the session is closed.
            setCPUArenaAllocator(false)
            setMemoryPatternOptimization(false)
            // Threads that wait for work sleep instead of spinning, which saves the battery.
            addConfigEntry("session.intra_op.allow_spinning", "0")
            if (isX86()) addConfigEntry("session.disable_quant_qdq", "1")
            configure()
        }
}

/**
 * Returns whether this is an x86 processor, as in PCs and emulators.
 *
 * Without VNNI the int8 kernels of x86 add pairs of products in 16 bits, which saturate. The kernels of
 * phones add in 32 bits. With quantized values in float32, x86 computes what a phone computes.
 */
private fun isX86(): Boolean = System.getProperty("os.arch") in setOf("amd64", "x86_64")

private class OnnxRuntimeRunner(
    private val environment: OrtEnvironment,
    private val session: OrtSession,
    private val component: String,
) : Runner {
    override fun run(inputs: Map<String, Tensor>, outputs: Map<String, Tensor>) {
        val opened = ArrayList<OnnxTensor>()
        try {
            val given = inputs.mapValues { wrap(it.value).also(opened::add) }
            val wanted = outputs.mapValues { wrap(it.value).also(opened::add) }
            asOutOfMemory(component) { session.run(given, wanted).close() }
        } finally {
            opened.forEach(OnnxTensor::close)
        }
    }

    override fun close(): Unit = session.close()

    /** Returns a tensor of ONNX Runtime that shares the memory, so nothing is copied. */
    private fun wrap(tensor: Tensor): OnnxTensor {
        val shape = tensor.spec.shape
            .map(Int::toLong)
            .toLongArray()
        return when (tensor.spec.elementType) {
            ElementType.FLOAT32 -> OnnxTensor.createTensor(environment, tensor.floats, shape)
            ElementType.INT32 -> OnnxTensor.createTensor(environment, tensor.ints, shape)
        }
    }
}

/**
 * Does [work], and converts a failed allocation to [AvatarException.OutOfMemory].
 *
 * ONNX Runtime has no status code for a failed allocation, so the message is searched.
 */
private inline fun <T> asOutOfMemory(component: String, work: () -> T): T =
    try {
        work()
    } catch (error: OrtException) {
        val text = error.message.orEmpty()
        if (OUT_OF_MEMORY.any { it in text }) throw AvatarException.OutOfMemory("running $component", error)
        throw error
    }

private val OUT_OF_MEMORY = listOf("bad_alloc", "bad allocation", "Failed to allocate memory")
