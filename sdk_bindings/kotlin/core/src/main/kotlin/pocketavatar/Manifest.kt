package pocketavatar

/** The name, shape and type of an input or output of a component. */
public class TensorSpec(
    /** The name in the model file. */
    public val name: String,
    /** The extent along each axis, the batch axis included. Shapes are static. */
    public val shape: List<Int>,
    /** The type of the elements. */
    public val elementType: ElementType = ElementType.FLOAT32,
) {
    /** The number of elements. */
    public val count: Int get() = shape.fold(1, Int::times)

    override fun toString(): String = "$name $elementType ${shape.joinToString("×")}"
}

/** One exported network. */
public class Component(
    /** The name: `identity_encoder`, `denoiser` or `decoder`. */
    public val name: String,
    /** The path of its model file, relative to the artifact's folder. */
    public val path: String,
    /** The inputs, in order. */
    public val inputs: List<TensorSpec>,
    /** The outputs, in order. */
    public val outputs: List<TensorSpec>,
) {
    internal fun input(name: String): TensorSpec = inputs.first { it.name == name }
}

/** The constants of the sampling loop (rectified flow, Euler steps) for one number of steps. */
internal class SamplerTable(
    /** The kind of the denoiser's prediction, such as `velocity`. */
    val prediction: String,
    /**
     * The scale of classifier-free guidance. 1 means one call of the denoiser per step, any other value
     * two.
     */
    val guidance: Float,
    /** The denoiser's input `timestep` at each step. */
    val timesteps: List<Float>,
    /**
     * The noise levels, which fall from at most 1. There is one more than [timesteps]. The last is 0 or
     * a little more.
     */
    val sigmas: List<Float>,
    /**
     * The level that Euler goes down to at each step. Empty if no noise is added, and each step ends at
     * the next of [sigmas].
     */
    private val downs: List<Float> = emptyList(),
    /**
     * The strength of the fresh noise that is added after each step, 0 for none. Empty if no noise is
     * added at any step.
     */
    private val noises: List<Float> = emptyList(),
) {
    /** The number of steps. */
    val steps: Int get() = timesteps.size

    /** Whether steps can add fresh noise. */
    val addsNoise: Boolean get() = downs.isNotEmpty()

    /** Whether the lists fit each other. */
    val isComplete: Boolean
        get() =
            steps > 0 && sigmas.size == steps + 1 && downs.size == noises.size &&
                (downs.isEmpty() || downs.size == steps && downs.all { it < 1 })

    /** The level that Euler goes down to at a step. */
    fun down(step: Int): Float = if (addsNoise) downs[step] else sigmas[step + 1]

    /** The strength of the fresh noise after a step. */
    fun noise(step: Int): Float = if (addsNoise) noises[step] else 0f

    /** The factor of the latents to which noise is added after a step. */
    fun scale(step: Int): Float = (1 - sigmas[step + 1]) / (1 - down(step))
}

/** One file of the artifact. */
internal class ModelFile(
    /** The path relative to the artifact's folder, with `/` between folders. */
    val path: String,
    /** The size in bytes. */
    val byteCount: Long,
    /** The SHA-256 in hexadecimal. */
    val sha256: String,
)

/** The limits of one selfie rule. */
internal class RuleLimits(
    /** The rule. */
    val rule: SelfieRule,
    /** The smallest value that passes, or null if there is no lower limit. */
    val min: Double?,
    /** The largest value that passes, or null if there is no upper limit. */
    val max: Double?,
    /** A description of the rule, in one line of English. */
    val about: String,
) {
    /** Returns the limit that [value] breaks, if any. A value that is not a number breaks [min]. */
    fun brokenBy(value: Double): Double? =
        when {
            min != null && !(value >= min) -> min
            max != null && value > max -> max
            else -> null
        }
}

/**
 * The part of the artifact's manifest that an app needs. The generated file `Bundled.kt` defines the
 * one instance that an app has.
 */
internal class Manifest(
    /** The schema version of the manifest. */
    val schemaVersion: Int,
    /** The components, in the order in which a run uses them. */
    val components: List<Component>,
    /** The constants of the sampling loop. The first table is the default. */
    val samplers: List<SamplerTable>,
    /** The limits of the selfie rules, in the order in which the rules are applied. */
    val rules: List<RuleLimits>,
    /** The files that the app contains. */
    val files: List<ModelFile>,
    /** What makes approximate pictures of latents, or null if the model has nothing for them. */
    val preview: LatentPreview? = null,
    /** Whether selfies are faces aligned to ArcFace's template, instead of centre squares. */
    val takesAlignedFaces: Boolean = false,
) {
    val encoder: Component get() = component("identity_encoder")
    val denoiser: Component get() = component("denoiser")
    val decoder: Component get() = component("decoder")

    /** The identity encoder's input `selfies`, (n,3,size,size). */
    val selfies: TensorSpec get() = encoder.input("selfies")

    /** The denoiser's input `latents`, (1,C,h,w). */
    val latents: TensorSpec get() = denoiser.input("latents")

    /** The largest number of selfies that a run takes. */
    val maxSelfies: Int
        get() {
            val limit = rules.find { it.rule == SelfieRule.COUNT }?.max
            return minOf(selfies.shape.first(), limit?.toInt() ?: Int.MAX_VALUE)
        }

    /**
     * Checks that this library can run the model.
     *
     * @throws AvatarException.ModelOfAnotherVersion it cannot.
     */
    fun checkReadable() {
        val wrong =
            when {
                schemaVersion !in SCHEMA_VERSIONS ->
                    "its schema version is $schemaVersion, this library reads " +
                        SCHEMA_VERSIONS.joinToString(" and ")
                !samplers.all { it.isComplete } -> "a sampler table is incomplete"
                latents.count < NoiseStream.BLOCK -> "its latents are $latents"
                preview?.fits(latents.shape) == false -> "its preview does not fit its latents"
                else -> return
            }
        throw AvatarException.ModelOfAnotherVersion(wrong)
    }

    fun component(name: String): Component = components.first { it.name == name }

    /**
     * Returns the table for this number of steps, or the default table for null.
     *
     * @throws AvatarException.StepsUnknown there is none.
     */
    fun sampler(steps: Int?): SamplerTable =
        samplers.find { steps == null || it.steps == steps }
            ?: throw AvatarException.StepsUnknown(steps ?: 0, samplers.map { it.steps }.sorted())

    companion object {
        /** The schema versions that this library reads. */
        val SCHEMA_VERSIONS: IntRange = 1..2

        /** The model card, which names the checkpoint and the software that the files come from. */
        const val CARD: String = "README.md"
    }
}
