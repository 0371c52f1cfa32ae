import { existsSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newFreezeCredential, withdrawnFreezeCredential } from '@countersign/identity'
import { dataDirOption, examples, type Register } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'

type FolderOptions = { readonly dataDir?: string }

/** `countersign freeze-credential`: another one, or none, for a deployment whose data folder is here. */
export const registerFreezeCredential: Register = (program, { terminal, env }, finish) => {
  const replace = async ({ dataDir }: FolderOptions, content: string): Promise<void> => {
    const folder = dataDir ?? env['COUNTERSIGN_DATA_DIR'] ?? '.countersign'
    const file = join(folder, 'keys', 'freeze-credential.sha256')
    if (!existsSync(join(folder, 'keys')))
      throw new Failure(`there are no keys in ${folder}`, { next: 'Name the data folder with --data-dir.' })
    await writeFile(`${file}.new`, content, { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
  const command = program
    .command('freeze-credential')
    .summary('make another freeze credential, or withdraw it')
    .description(
      'Works on the files of a data folder, on the machine that has it. Intake follows them: nothing is started.',
    )
    .addHelpText('after', examples('countersign freeze-credential renew', 'countersign freeze-credential withdraw'))

  command
    .command('renew')
    .summary('make another one, shown this once; the former is good for nothing')
    .addOption(dataDirOption())
    .action(async (options: FolderOptions) => {
      const { credential, hashFile } = newFreezeCredential()
      await replace(options, hashFile)
      terminal.out(credential)
      terminal.err('Shown this once. It counts at once, the former no more within a second.')
      finish(exitCodes.ok)
    })

  command
    .command('withdraw')
    .summary('from now on nobody freezes without a sign-in')
    .addOption(dataDirOption())
    .action(async (options: FolderOptions) => {
      await replace(options, withdrawnFreezeCredential)
      terminal.out('withdrawn: within a second nobody freezes without a sign-in; renew makes another one')
      finish(exitCodes.ok)
    })
}
