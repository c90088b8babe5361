package pocketavatar

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtLoggingLevel
import ai.onnxruntime.OrtSession
import java.nio.ByteBuffer

/**
 * ONNX Runtime through its Java API, on the CPU: `onnxruntime-android` in apps, `onnxruntime` on a
 * JVM. Takes `.onnx` and `.ort` models.
 *
 * It writes nothing but errors to its log and keeps no memory of a call for the next one.
 */
public class OnnxBackend(
    /** Threads of one call; 0 lets the runtime choose. */
    private val threads: Int = 0,
    /** Last word on the session's options, for example `{ addXnnpack(emptyMap()) }`. */
    private val configure: OrtSession.SessionOptions.() -> Unit = {},
) : Backend {
    override fun load(component: Component, model: ModelReader): Network {
        val environment = OrtEnvironment.getEnvironment().apply { setTelemetry(false) }
        return options().use { options ->
            asOutOfMemory(component.name) {
                OnnxNetwork(environment, environment.createSession(model.read(), options), component.name)
            }
        }
    }

    private fun options() =
        OrtSession.SessionOptions().apply {
            setIntraOpNumThreads(threads)
            setInterOpNumThreads(1)
            setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR)
            // An arena would hold a run's intermediate results until the session is closed.
            setCPUArenaAllocator(false)
            setMemoryPatternOptimization(false)
            // Threads that wait for work sleep instead of spending the battery.
            addConfigEntry("session.intra_op.allow_spinning", "0")
            if (isX86()) addConfigEntry("session.disable_quant_qdq", "1")
            configure()
        }
}

/**
 * PCs and emulators. Without VNNI their int8 kernels add pairs of products in 16 bits, which saturate;
 * phones' add in 32. Quantized values held in fp32 give what a phone gives.
 */
private fun isX86(): Boolean = System.getProperty("os.arch") in setOf("amd64", "x86_64")

private class OnnxNetwork(
    private val environment: OrtEnvironment,
    private val session: OrtSession,
    private val component: String,
) : Network {
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

    /** The tensor's own memory, not a copy: the runtime reads and writes it in place. */
    private fun wrap(tensor: Tensor): OnnxTensor {
        val shape = tensor.spec.shape
            .map(Int::toLong)
            .toLongArray()
        return when (tensor.spec.type) {
            ElementType.FLOAT32 -> OnnxTensor.createTensor(environment, tensor.floats, shape)
            ElementType.INT32 -> OnnxTensor.createTensor(environment, tensor.ints, shape)
        }
    }
}

/** The runtime has no code of its own for it, only these words. */
private inline fun <T> asOutOfMemory(component: String, work: () -> T): T =
    try {
        work()
    } catch (error: OrtException) {
        val text = error.message.orEmpty()
        if (OUT_OF_MEMORY.any { it in text }) throw AvatarException.OutOfMemory("running $component", error)
        throw error
    }

private val OUT_OF_MEMORY = listOf("bad_alloc", "bad allocation", "Failed to allocate memory")
