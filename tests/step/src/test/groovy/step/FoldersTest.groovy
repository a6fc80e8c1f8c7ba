package step

import java.nio.file.Files
import org.junit.Test

class FoldersTest {

    @Test
    void 'a folder is deleted with its links, and what they name stays'() {
        File root = Files.createTempDirectory('step').toFile()
        File outside = new File(root, 'outside/kept')
        outside.parentFile.mkdir()
        outside.text = 'kept'
        File folder = new File(root, 'folder/inner')
        folder.mkdirs()
        new File(folder, 'file').text = 'gone'
        Files.createSymbolicLink(new File(folder, 'link').toPath(), outside.parentFile.toPath())
        Files.createSymbolicLink(new File(root, 'top').toPath(), outside.parentFile.toPath())

        Folders.delete(folder.parentFile)
        Folders.delete(new File(root, 'top'))
        Folders.delete(new File(root, 'missing'))

        assert !folder.parentFile.exists()
        assert outside.text == 'kept'
        Folders.delete(root)
        assert !root.exists()
    }
}
