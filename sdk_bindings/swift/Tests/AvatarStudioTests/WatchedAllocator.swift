import Foundation

@testable import AvatarStudio

/// Counts memory, and checks whether it is zero when it is returned.
final class WatchedAllocator: BufferAllocator, @unchecked Sendable {
  private let lock = NSLock()
  private let system = SystemAllocator()
  private var mostBytes: Int
  private var live = 0
  private var given = 0
  private var dirty = 0
  private var peak = 0

  /// Creates an allocator.
  ///
  /// - Parameter mostBytes: The number of bytes that may be in use at once.
  init(mostBytes: Int = .max) { self.mostBytes = mostBytes }

  /// The number of bytes in use, of allocated buffers, and of buffers that were not zero when they
  /// were returned.
  var counts: (live: Int, given: Int, dirty: Int) {
    lock.withLock { (live, given, dirty) }
  }

  /// The largest number of bytes that were in use at once.
  var mostLive: Int { lock.withLock { peak } }

  func limit(to bytes: Int) { lock.withLock { mostBytes = bytes } }

  func allocate(byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    lock.withLock {
      guard live <= mostBytes - byteCount else { return nil }
      let memory = system.allocate(byteCount: byteCount)
      memory?.initializeMemory(as: UInt8.self, repeating: 0xa5)
      live += byteCount
      given += 1
      peak = max(peak, live)
      return memory
    }
  }

  func deallocate(_ memory: UnsafeMutableRawBufferPointer) {
    lock.withLock {
      live -= memory.count
      if memory.contains(where: { $0 != 0 }) { dirty += 1 }
    }
    system.deallocate(memory)
  }
}
