import type { Command } from 'commander'
import { dataDirOption, examples, type Register } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { table } from '../print/table.ts'
import { keyFolder } from './key-folder.ts'

type KeysOptions = { readonly dataDir?: string }

const seconds = 'It counts within seconds.'

/** `countersign keys`: the keys that sign grants and receipts, and their rotation, in a data folder. */
export const registerKeys: Register = (program, { terminal, env }, finish) => {
  const folderOf = (command: Command) => {
    const { dataDir } = command.optsWithGlobals<KeysOptions>()
    return keyFolder(dataDir ?? env['COUNTERSIGN_DATA_DIR'] ?? '.countersign')
  }
  const keys = program
    .command('keys')
    .summary('list and rotate the keys that sign grants and receipts')
    .description('Works on the files of a data folder, on the machine that has it. Without a command, lists the keys.')
    .addOption(dataDirOption())
    .addHelpText(
      'after',
      examples('countersign keys prepare', 'countersign keys rotate', 'countersign keys retire KID'),
    )
    .action(async (_options: KeysOptions, command: Command) => {
      const rows = (await folderOf(command).list()).map(({ kid, role }) => [kid, role])
      for (const line of table([{ title: 'key' }, { title: 'role' }], rows)) terminal.out(line)
      finish(exitCodes.ok)
    })

  keys
    .command('prepare')
    .summary('make the next key and publish it before it signs')
    .addOption(dataDirOption())
    .description(
      'For several intakes behind one address: each has to know the next key before any of them signs with it.',
    )
    .action(async (_options: KeysOptions, command: Command) => {
      terminal.out(`${await folderOf(command).prepare()} verifies, and signs after the next rotation. ${seconds}`)
      finish(exitCodes.ok)
    })

  keys
    .command('rotate')
    .summary('sign with the next key; the former one verifies on')
    .addOption(dataDirOption())
    .action(async (_options: KeysOptions, command: Command) => {
      const { kid, former } = await folderOf(command).rotate()
      terminal.out(`${kid} signs from now on, ${former} verifies until it is retired. ${seconds}`)
      finish(exitCodes.ok)
    })

  keys
    .command('retire')
    .summary('take a former key out, once no grant that it signed is open')
    .addOption(dataDirOption())
    .argument('<key>', 'id of the key, as keys shows it')
    .action(async (kid: string, _options: KeysOptions, command: Command) => {
      await folderOf(command).retire(kid)
      terminal.out(`${kid} is out; keep it in your own copy of the key set to verify old receipts. ${seconds}`)
      finish(exitCodes.ok)
    })
}
