package pocketavatar

/**
 * An event that a run reports.
 *
 * For each avatar there is one [Progress] per sampling step and then one [Drawn], which with
 * [MemoryPolicy.ONE_AT_A_TIME] follows when the steps of all avatars are done. [Finished] is the last
 * event of a run.
 */
public sealed interface AvatarEvent {
    /** One sampling step of one avatar is done. */
    public class Progress(
        /** The index of the avatar that is being drawn, from 0. */
        public val avatar: Int,
        /** The number of steps of this avatar that are done, from 1. */
        public val step: Int,
        /** The number of steps that one avatar takes. */
        public val steps: Int,
        /**
         * An approximate picture of the avatar so far, if the app asked for previews and the model can
         * make them, else null.
         */
        public val preview: Preview? = null,
    ) : AvatarEvent {
        override fun toString(): String = "Progress(avatar=$avatar, step=$step, steps=$steps)"
    }

    /**
     * A small approximate picture in 8-bit sRGB, made of the latents without the decoder. It belongs to
     * the app.
     */
    public class Preview(
        /** The width in pixels, which is that of the latents. */
        public val width: Int,
        /** The height in pixels. */
        public val height: Int,
        /** The pixels, row by row from the top, each `0xFFRRGGBB`. */
        public val pixels: IntArray,
    )

    /** One avatar is done. */
    public class Drawn(
        /** The avatar. It belongs to the app from here on. */
        public val avatar: Avatar,
    ) : AvatarEvent {
        override fun toString(): String = "Drawn(avatar=${avatar.index})"
    }

    /** All avatars are done. */
    public class Finished(
        /** The number of avatars that were drawn. */
        public val count: Int,
        /**
         * The largest resident set of this process since it started, in bytes, or null if the system
         * does not report it.
         */
        public val peakMemoryBytes: Long?,
        /** The mean wall-clock time of a sampling step, in seconds. With guidance a step is two calls. */
        public val secondsPerStep: Double,
        /**
         * The wall-clock time from the start of the run to its end, in seconds. It includes loading
         * and the time in the app's collector.
         */
        public val totalSeconds: Double,
    ) : AvatarEvent {
        override fun toString(): String =
            "Finished(count=$count, peakMemoryBytes=$peakMemoryBytes, " +
                "secondsPerStep=$secondsPerStep, totalSeconds=$totalSeconds)"
    }
}
