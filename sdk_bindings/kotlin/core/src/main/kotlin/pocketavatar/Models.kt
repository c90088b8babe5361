package pocketavatar

import java.util.concurrent.locks.ReentrantLock

/** The networks that are loaded, loaded when first needed, dropped when memory is short. */
internal class Models(
    private val manifest: Manifest,
    private val backend: Backend,
    private val artifact: Artifact,
) : AutoCloseable {
    private val lock = ReentrantLock()
    private val loaded = HashMap<String, Network>()

    @Volatile private var dropAsked = false

    @Volatile private var closed = false

    /** Runs a component, loading it first where it is not. One call runs at a time. */
    fun run(component: String, inputs: Map<String, Tensor>, outputs: Map<String, Tensor>) {
        locked(component) { network(component).run(inputs, outputs) }
    }

    /** Drops what is loaded: now, or as soon as the call that is running is over. Never waits. */
    fun drop() {
        dropAsked = true
        dropIfAsked()
    }

    fun checkOpen() {
        if (closed) throw AvatarException.Closed()
    }

    override fun close() {
        closed = true
        drop()
    }

    private fun network(component: String): Network =
        loaded.getOrPut(component) {
            val entry = manifest.component(component)
            backend.load(entry) { artifact.read(entry.file) }
        }

    private inline fun locked(component: String, work: () -> Unit) {
        lock.lock()
        try {
            checkOpen()
            guarded(component, work)
        } finally {
            lock.unlock()
            dropIfAsked()
        }
    }

    private inline fun guarded(component: String, work: () -> Unit) {
        try {
            work()
        } catch (error: AvatarException) {
            throw error
        } catch (error: OutOfMemoryError) {
            throw AvatarException.OutOfMemory("running $component", error)
        } catch (
            @Suppress("TooGenericExceptionCaught") error: Exception,
        ) {
            throw AvatarException.RuntimeFailed(component, error.message ?: error.toString(), error)
        }
    }

    /**
     * Whoever holds the lock asks again when done, so a wish is never lost. A backend may ask from
     * within its own call; its network is not taken from under it.
     */
    private fun dropIfAsked() {
        while (dropAsked && !lock.isHeldByCurrentThread && lock.tryLock()) {
            try {
                dropAsked = false
                loaded.values.forEach(Network::close)
                loaded.clear()
            } finally {
                lock.unlock()
            }
        }
    }
}
