package pocketavatar

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import java.nio.FloatBuffer

/** Converts selfies to the identity encoder's inputs and checks them against the rules. */
internal class SelfieReader(
    private val manifest: Manifest,
    private val options: StudioOptions,
    private val buffers: Buffers,
) {
    private val size = manifest.selfies.shape.last()
    private val rules = SelfieRules(manifest.rules)
    private val preprocessor = SelfiePreprocessor(size, buffers)
    private val landmarkDetector = options.landmarkDetectorFor(manifest)

    /**
     * Decodes, checks and resizes selfies.
     *
     * If the number of selfies breaks a rule, that is the only refusal, and no selfie is decoded.
     *
     * @param prepared Receives the selfies, (n,3,size,size), sRGB in [0,1]. It must hold zeros.
     * @param mask Receives a 1 for each selfie, (n). It must hold zeros.
     * @return Every broken rule, by selfie and then by rule.
     */
    suspend fun read(selfies: List<Selfie>, prepared: FloatBuffer, mask: FloatBuffer): List<Refusal> {
        val wrongCount = rules.checkCount(selfies.size, manifest.selfies.shape.first())
        if (wrongCount.isNotEmpty()) return wrongCount
        val parts = selfies.indices.map { prepared.part(it * 3 * size * size, 3 * size * size) }
        return selfies.flatMapIndexed { index, selfie ->
            currentCoroutineContext().ensureActive()
            val measures = readOne(index, selfie, parts[index]) + measuresOf(parts[index], size, buffers)
            mask.put(index, 1f)
            rules.check(index, measures, parts[index], parts.take(index))
        }
    }

    private fun readOne(index: Int, selfie: Selfie, prepared: FloatBuffer): Map<SelfieRule, Double> =
        try {
            typed(wrong = { error -> AvatarException.UnreadablePicture(index, reasonOf(error), error) }) {
                selfie.open().use { picture ->
                    Picture.checkSize(picture.width, picture.height)
                    val aligned = landmarksIn(picture)
                    prepare(picture, aligned?.singleOrNull(), prepared)
                    val found = aligned?.let { mapOf(SelfieRule.FACES to it.size.toDouble()) }.orEmpty()
                    measuresOf(picture, facesIn(picture)) + found
                }
            }
        } catch (error: OutOfMemoryError) {
            throw AvatarException.OutOfMemory("reading selfie $index", error)
        }

    private fun facesIn(picture: Picture): List<Face>? =
        typed(wrong = { error -> AvatarException.RuntimeFailed("face detector", reasonOf(error), error) }) {
            options.faceDetector?.faces(picture)
        }

    private fun landmarksIn(picture: Picture): List<FaceLandmarks>? =
        typed(wrong = { error -> AvatarException.RuntimeFailed(LANDMARKS, reasonOf(error), error) }) {
            landmarkDetector?.landmarks(picture)
        }

    /** Crops the [face], or the centre square if there is none. */
    private fun prepare(picture: Picture, face: FaceLandmarks?, prepared: FloatBuffer) {
        if (face == null) return preprocessor.prepare(picture, prepared)
        try {
            AlignedCrop(size, buffers).prepare(picture, face, prepared)
        } catch (error: IllegalArgumentException) {
            throw AvatarException.RuntimeFailed(LANDMARKS, reasonOf(error), error)
        }
    }

    private companion object {
        const val LANDMARKS = "landmark detector"
    }
}

/**
 * Runs a decoder or detector of the app, which can throw any exception, and converts the exception
 * with [wrong]. It does not convert cancellation and the exceptions of this library.
 */
private inline fun <T> typed(wrong: (Exception) -> AvatarException, work: () -> T): T =
    try {
        work()
    } catch (error: CancellationException) {
        throw error
    } catch (error: AvatarException) {
        throw error
    } catch (
        @Suppress("TooGenericExceptionCaught") error: Exception,
    ) {
        throw wrong(error)
    }

private fun reasonOf(error: Exception): String = error.message ?: error.toString()
