// A tool made with ltijs as its own guide does it, on SQLite: node server.js PORT ISSUER CLIENT_ID FOLDER
const { Provider } = require('ltijs')
const Database = require('ltijs-sequelize')

async function main () {
  const [port, issuer, clientId, folder] = process.argv.slice(2)
  const plugin = new Database('lti', 'bench', 'bench', { dialect: 'sqlite', storage: `${folder}/lti.db`, logging: false })
  Provider.setup('for-the-benchmark-alone-0123456789', { plugin }, {
    appRoute: '/launch', loginRoute: '/login', keysetRoute: '/keys', cookies: { secure: false, sameSite: '' }
  })
  Provider.onConnect((token, request, response) => response.send('open'))
  await Provider.deploy({ port: Number(port), silent: true })
  await Provider.registerPlatform({
    url: issuer,
    name: 'Bench',
    clientId,
    authenticationEndpoint: `${issuer}/auth`,
    accesstokenEndpoint: `${issuer}/token`,
    authConfig: { method: 'JWK_SET', key: `${issuer}/jwks` }
  })
  console.log('ready')
}

main().catch(error => { console.error(error); process.exit(1) })
