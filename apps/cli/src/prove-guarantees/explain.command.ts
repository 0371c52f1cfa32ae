import { guarantees } from '@countersign/conformance'
import { examples, jsonOption, type Register } from '../command.ts'
import { table } from '../print/table.ts'
import { guaranteesNamed } from './guarantees-named.ts'

export const registerExplain: Register = (program, { terminal }, finish) => {
  program
    .command('explain')
    .summary('tell what a guarantee means and how it is tested')
    .argument('[id]', 'number of the guarantee, such as G07; all of them without it')
    .addOption(jsonOption())
    .addHelpText('after', examples('countersign explain', 'countersign explain G07'))
    .action((id: string | undefined, { json = false }: { json?: boolean }) => {
      const wanted = guaranteesNamed(id)
      if (json) {
        const told = wanted.map(({ id: number, title, meaning, test }) => ({ id: number, title, meaning, test }))
        terminal.out(JSON.stringify(told, null, 2))
      } else if (id === undefined) {
        const rows = guarantees.map((guarantee) => [guarantee.id, guarantee.title])
        for (const line of table([{ title: '' }, { title: 'guarantee' }], rows)) terminal.out(line)
      } else {
        for (const { id: number, title, meaning, test } of wanted) {
          terminal.out(`${terminal.paint('bold', `${number}  ${title}`)}`)
          terminal.out(`means    ${meaning}`)
          terminal.out(`tested   ${test}`)
          terminal.out(`try it   countersign self-test --only ${number}`)
        }
      }
      finish(0)
    })
}
