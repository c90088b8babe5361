package pocketavatar

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.withContext
import java.io.File
import kotlin.random.Random

/**
 * Draws avatars of a person from selfies. All of it runs on the device.
 *
 * ```
 * AvatarStudio.open(directory).use { studio ->
 *     val refusals = studio.check(selfies)
 *     studio.avatars(selfies, style, count = 4, seed = 7u).collect { event ->
 *         when (event) {
 *             is AvatarEvent.Progress -> show(event.step, event.steps)
 *             is AvatarEvent.Drawn -> show(event.avatar)
 *             is AvatarEvent.Finished -> done()
 *         }
 *     }
 * }
 * ```
 *
 * The studio opens no connection and writes no file and no log. It sets all memory that it used for
 * selfies to 0 when a call ends, fails or is cancelled. Several threads may use it at the same time;
 * only one network call runs at a time.
 */
public class AvatarStudio internal constructor(
    private val manifest: Manifest,
    private val options: StudioOptions,
    artifact: Artifact,
) : AutoCloseable {
    init {
        options.landmarkDetectorFor(manifest) // throws if there must be one
    }

    /** How many networks the studio holds in memory: all, or one at a time. */
    public val memoryPolicy: MemoryPolicy = options.memoryPolicy.resolved(manifest)

    /**
     * The memory that the networks need at most during a run, in bytes: an estimate, see
     * [Bundled.estimatedPeakMemoryBytes].
     */
    public val estimatedPeakMemoryBytes: Long = manifest.estimatedPeakMemoryBytes(memoryPolicy)

    private val runners = Runners(manifest, options.backend, artifact, memoryPolicy)
    private val watch = options.memoryPressure?.watch(::dropModels)

    /** The numbers of steps that the model was made for. The first is the default. */
    public val steps: List<Int> = manifest.samplers.map { it.steps }

    /** The largest number of selfies that a run takes. */
    public val maxSelfies: Int = manifest.maxSelfies

    /**
     * Loads all networks and runs each once on zeros, so that the first avatar comes sooner. With
     * [MemoryPolicy.ONE_AT_A_TIME] it releases each of them again.
     *
     * @throws AvatarException.ModelMissing a file of the model is missing.
     * @throws AvatarException.ModelDamaged a file of the model was changed since the studio opened.
     * @throws AvatarException.OutOfMemory memory ran out.
     * @throws AvatarException.RuntimeFailed a network could not be loaded or run.
     * @throws AvatarException.Closed the studio is closed.
     */
    public suspend fun prepare(): Unit =
        withContext(options.dispatcher) {
            inMemory("loading the model") { buffers ->
                for (component in manifest.components) Call(component, runners, buffers).run()
            }
        }

    /**
     * Checks [selfies] against the rules. It runs no network.
     *
     * @return Every broken rule, by selfie and then by rule. It is empty if [avatars] accepts the
     *   selfies.
     * @throws AvatarException.UnreadablePicture a selfie cannot be decoded.
     * @throws AvatarException.RuntimeFailed the face detector failed.
     * @throws AvatarException.OutOfMemory memory ran out.
     * @throws AvatarException.Closed the studio is closed.
     */
    public suspend fun check(selfies: List<Selfie>): List<Refusal> =
        withContext(options.dispatcher) {
            inMemory("reading selfies") { buffers ->
                val prepared = buffers.floats(manifest.selfies.count)
                val mask = buffers.floats(manifest.selfies.shape.first())
                SelfieReader(manifest, options, buffers).read(selfies, prepared, mask)
            }
        }

    /**
     * Draws [count] avatars of the person in [selfies].
     *
     * Nothing happens before the flow is collected, and each collection is a separate run. To stop a
     * run, cancel the coroutine that collects. The run notices it between two network calls.
     *
     * @param selfies 1 to [maxSelfies] pictures of the person that follow the model's rules.
     * @param style The style of the avatars.
     * @param count The number of avatars, at least 1.
     * @param seed The seed of the first avatar. Avatar k has `seed + k`, wrapping at 2^64. Only the low
     *   32 bits matter. The same selfies, seed, style and steps give the same avatar.
     * @param steps The number of sampling steps, one of [AvatarStudio.steps], or null for the model's
     *   default.
     * @param entitlement What the user is entitled to. Plus styles need [Tier.PLUS].
     * @param previews Whether [AvatarEvent.Progress] carries an approximate picture of the avatar so far.
     * @return The events of the run, which end with [AvatarEvent.Finished]. The flow can fail with
     *   every [AvatarException].
     */
    public fun avatars(
        selfies: List<Selfie>,
        style: AvatarStyle,
        count: Int = 1,
        seed: ULong = Random.nextLong().toULong(),
        steps: Int? = null,
        entitlement: Tier = Tier.FREE,
        previews: Boolean = false,
    ): Flow<AvatarEvent> =
        flow {
            val start = System.nanoTime()
            if (count < 1) throw AvatarException.CountInvalid(count)
            if (style.tier == Tier.PLUS && entitlement != Tier.PLUS) throw AvatarException.StyleNeedsPlus(style)
            val table = manifest.sampler(steps)
            inMemory("drawing") { buffers ->
                val run = Run(manifest, runners, table, buffers, previews, waitingFor(count))
                val reader = SelfieReader(manifest, options, buffers)
                val refusals = reader.read(selfies, run.selfies, run.mask)
                if (refusals.isNotEmpty()) throw AvatarException.SelfiesRefused(refusals)
                run.draw(style, count, seed, ::emit)
                emit(run.finished(count, start))
            }
        }.flowOn(options.dispatcher)

    /**
     * Releases all networks, at the latest when the current network call ends. The next call loads
     * them again. The studio does this itself if [StudioOptions.memoryPressure] is given.
     */
    public fun dropModels(): Unit = runners.drop()

    /** Closes the studio and releases all networks. Runs in progress end with [AvatarException.Closed]. */
    override fun close() {
        watch?.close()
        runners.close()
    }

    /**
     * Returns the number of avatars of a run of [count] whose steps are all done before any of them is
     * decoded. If one network is held at a time, that saves loading. Their latents take at most 16 MiB.
     */
    private fun waitingFor(count: Int): Int =
        if (memoryPolicy == MemoryPolicy.ONE_AT_A_TIME) {
            count.coerceAtMost(maxOf(1, (16 shl 20) / (Tensor.ELEMENT_BYTES * manifest.latents.count)))
        } else {
            1
        }

    /**
     * Does [work] with memory that is set to 0 when it ends or fails.
     *
     * If memory runs out, in this library or in a backend's native code, it drops the models, so that
     * another call has more memory.
     */
    private inline fun <T> inMemory(doing: String, work: (Buffers) -> T): T {
        runners.checkOpen()
        try {
            return Buffers(options.allocator).use { work(it) }
        } catch (error: OutOfMemoryError) {
            runners.drop()
            throw AvatarException.OutOfMemory(doing, error)
        } catch (error: AvatarException.OutOfMemory) {
            runners.drop()
            throw error
        } finally {
            runners.dropIfOneAtATime()
        }
    }

    public companion object {
        /**
         * Opens the artifact in [directory] after checking the size and SHA-256 of each of its files.
         * It loads no network.
         *
         * @throws AvatarException.ModelMissing a file is missing.
         * @throws AvatarException.ModelDamaged a file is truncated or changed.
         * @throws AvatarException.ModelOfAnotherVersion it is not the artifact that the library was
         *   generated for.
         * @throws AvatarException.LandmarkDetectorMissing the model needs one, and [options] have none.
         */
        public suspend fun open(directory: File, options: StudioOptions = StudioOptions()): AvatarStudio =
            open(DirectorySource(directory), options)

        /** Opens the artifact in [source]. It checks and throws as the other `open` does. */
        public suspend fun open(source: ModelSource, options: StudioOptions = StudioOptions()): AvatarStudio =
            open(Bundled.manifest, source, options)

        /**
         * Creates a studio without an artifact, for tests and previews. The [backend] must need none.
         *
         * @throws AvatarException.LandmarkDetectorMissing the model needs one, and [options] have none.
         */
        public fun withoutModel(
            backend: Backend = FakeBackend(),
            options: StudioOptions = StudioOptions(),
        ): AvatarStudio {
            val empty = ModelSource { throw java.io.FileNotFoundException(it) }
            val artifact = Artifact(Bundled.manifest, empty)
            return AvatarStudio(Bundled.manifest, options.copy(backend = backend), artifact)
        }

        internal suspend fun open(manifest: Manifest, source: ModelSource, options: StudioOptions): AvatarStudio {
            val artifact = Artifact(manifest, source)
            withContext(Dispatchers.IO) { artifact.verify() }
            return AvatarStudio(manifest, options, artifact)
        }
    }
}
